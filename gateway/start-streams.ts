import type { AuditSink } from '@aduana/client/audit/audit-sink';
import type { ServiceConnections } from '@aduana/server-kit/connections/service-connections';
import type { ServicePlatform } from '@aduana/server-kit/http/service-platform';
import { claimsWithin } from '@aduana/server-kit/iam/claims-within';
import type { LivePolicies } from '@aduana/server-kit/iam/live-policies';
import type { GatewaySettings } from './config.ts';
import { createCompileSubscription } from './execute/subscription/compile-subscription.ts';
import type { MissBudget } from './limits/miss-budget.ts';
import type { SharedRoom } from './limits/shared-room.ts';
import type { StreamLimits } from './limits/stream-limits.ts';
import type { DecidingStages } from './streams/decide-subscription.ts';
import { createOpenStreams, type OpenStreams } from './streams/open-streams.ts';
import type { SupergraphManager } from './supergraph/supergraph-manager.ts';

export interface StreamParts {
  readonly connections: ServiceConnections;
  readonly audit: AuditSink;
  readonly policies: LivePolicies;
  readonly supergraph: SupergraphManager;
  readonly stages: Omit<DecidingStages, 'compile'>;
  readonly limits: StreamLimits;
  readonly room: SharedRoom;
  readonly budget: MissBudget;
}

/** The streams of a gateway, as its variables say. */
export function startStreams(
  config: GatewaySettings,
  platform: ServicePlatform,
  { connections, audit, policies, supergraph, stages, limits, room, budget }: StreamParts,
): OpenStreams {
  return createOpenStreams({
    stages: { ...stages, compile: createCompileSubscription() },
    policies,
    supergraph,
    status: connections.status,
    limitClaims: (claims) => claimsWithin(policies.current(), claims),
    environment: config.DEPLOYMENT_ENVIRONMENT,
    audit,
    limits,
    room,
    budget,
    refusals: config.REFUSALS,
    platform,
    isSupported: config.EXECUTOR === 'aduana',
    share: config.SHARE_IN_FLIGHT === 'on',
    heartbeatMs: config.STREAM_HEARTBEAT_SECONDS * 1000,
    longestLifeMs: config.STREAM_MAX_LIFETIME,
    bufferBytes: config.STREAM_BUFFER_BYTES,
    messagesPerSecond: config.STREAM_MESSAGES_PER_SECOND,
    operationTimeoutMs: config.OPERATION_TIMEOUT_MS,
  });
}
