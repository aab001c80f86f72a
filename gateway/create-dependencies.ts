import type { AnonymousFlood } from '@aduana/server-kit/audit/anonymous-flood';
import { stsIssuer } from '@aduana/server-kit/config/service-settings';
import type { SpentIds } from '@aduana/server-kit/bus/spent-ids';
import type { AuditClient } from '@aduana/client/audit/audit-client';
import type { ServiceConnections } from '@aduana/server-kit/connections/service-connections';
import type { ServicePlatform } from '@aduana/server-kit/http/service-platform';
import { claimsWithin } from '@aduana/server-kit/iam/claims-within';
import type { LivePolicies } from '@aduana/server-kit/iam/live-policies';
import type { GatewayConfig } from './config.ts';
import type { HandlerDependencies } from './handler-dependencies.ts';
import { createDpopVerifier } from '@aduana/core/tokens/verify-dpop-proof';
import { createExchange, type Exchange } from './exchange/exchange.ts';
import { createFindDocument } from './documents/find-document.ts';
import type { TrustedDocuments } from './documents/trusted-documents.ts';
import { createExecutor } from './execute/create-executor.ts';
import { createExecuteIncremental } from './execute/incremental/execute-incremental.ts';
import { createStreamLimits, type StreamLimits } from './limits/stream-limits.ts';
import { startStreams } from './start-streams.ts';
import { createNarrow } from './subgraphs/narrow.ts';
import { createForward } from './subgraphs/forward.ts';
import { createSubgraphConnections, type SubgraphConnections } from './subgraphs/subgraph-connections.ts';
import { createTraffic } from './traffic/traffic.ts';
import { type CallerViews, createCallerViews } from './authorize/caller-views.ts';
import { createIntrospect } from './authorize/introspect.ts';
import type { CallerLimits } from './limits/caller-limits.ts';
import { createDocumentLimits, type DocumentLimits } from './limits/document-limits.ts';
import { createPlan, type Plan } from './planner/plan.ts';
import { createAuthorizer } from './authorize/create-authorizer.ts';
import { createSharedRoom } from './limits/shared-room.ts';
import { createMissBudget, type MissBudget } from './limits/miss-budget.ts';
import { createValidate } from './documents/validate.ts';
import { measureStages } from './measure-stages.ts';
import { keepTrustedWarm } from './warm-trusted-documents.ts';
import { warmBeforeUpdate } from './supergraph/warm-before-update.ts';
import type { SupergraphManager } from './supergraph/supergraph-manager.ts';
import { createPlanMeasure } from './telemetry/plan-measure.ts';

/** Of one caller, rewritten operations and plans together. */
const MISSES_KEPT_PER_MINUTE = 1_000;
const SUBGRAPH_ANSWER_BYTES = 67_108_864;
const UNLIMITED = Number.MAX_SAFE_INTEGER;

/** What the stages of a request need. */
export type Dependencies = HandlerDependencies & {
  readonly subgraphs: SubgraphConnections;
  readonly streamLimits: StreamLimits;
  /** Plans the operator's own documents, where there are any, and keeps them planned. */
  readonly warm: () => Promise<void>;
};

/** What a gateway has opened, and closes. */
export interface Opened {
  readonly connections: ServiceConnections;
  readonly audit: AuditClient;
  readonly flood: AnonymousFlood;
  readonly policies: LivePolicies;
  readonly supergraph: SupergraphManager;
  readonly callers: CallerLimits;
  readonly proofs: SpentIds;
  readonly trusted: TrustedDocuments | undefined;
}

/** Puts the stages together from what is open. */
export function createDependencies(
  config: GatewayConfig,
  platform: ServicePlatform,
  { connections, audit, flood, policies, supergraph, callers, proofs, trusted }: Opened,
): Dependencies {
  const { clock } = platform;
  const documentLimits = createDocumentLimits(config);
  const room = createSharedRoom(config.LIMIT_SUBGRAPH_BYTES);
  const subgraphs = createSubgraphConnections({
    client: connections.client,
    trustDomain: config.TRUST_DOMAIN,
    platform,
    room,
  });
  const budget = createMissBudget({ clock, keptPerMinute: MISSES_KEPT_PER_MINUTE });
  const stages = createStages(config, platform, { documentLimits, budget, supergraph });
  const { views } = stages;
  const streamLimits = createStreamLimits(config, platform.metrics);
  const limits = streamLimits;
  const streamParts = { connections, audit, policies, supergraph, stages, limits, room, budget };
  return measureStages(platform, trusted !== undefined, {
    ...stages,
    streamLimits,
    warm: createWarm(config, platform, { supergraph, trusted, plan: stages.plan }),
    streams: startStreams(config, platform, streamParts),
    platform,
    browser: { publicHosts: config.PUBLIC_HOSTS, allowedOrigins: config.ALLOWED_ORIGINS },
    limits: {
      bodyBytes: config.LIMIT_BODY_BYTES === 'off' ? UNLIMITED : config.LIMIT_BODY_BYTES,
      batch: config.LIMIT_BATCH,
      values: config.LIMIT_VALUES,
    },
    callers,
    environment: config.DEPLOYMENT_ENVIRONMENT,
    exchange: createCallerExchange(config, platform, { connections, policies, proofs }),
    traffic: createTraffic(clock),
    subgraphs,
    forward: createForward({
      connections: subgraphs,
      isRegistered: (audience) => policies.current().services.has(audience),
      client: connections.client,
      sts: connections.sts,
      trustDomain: config.TRUST_DOMAIN,
      maxResponseBytes: SUBGRAPH_ANSWER_BYTES,
      budget,
      platform,
    }),
    findDocument: createFindDocument({ trusted, persisted: config.PERSISTED_QUERIES === 'on', clock }),
    refusals: config.REFUSALS,
    documentLimits,
    introspect: createIntrospect({ mode: config.INTROSPECTION, views, budget }),
    budget,
    ...createExecutors(config, platform),
    audit,
    flood,
    engine: () => policies.current(),
    supergraph: () => supergraph.current(),
  });
}

function createWarm(
  { AUTHORIZATION_MODE: mode }: GatewayConfig,
  platform: ServicePlatform,
  { supergraph, trusted, plan }: Pick<Opened, 'supergraph' | 'trusted'> & { readonly plan: Plan },
): Dependencies['warm'] {
  if (trusted === undefined) return () => Promise.resolve();
  const authorize = createAuthorizer({ clock: platform.clock, mode }); // nobody's budget pays for it
  return () => keepTrustedWarm({ trusted, supergraph, authorize, plan, platform });
}

function createExecutors(
  { EXECUTOR: kind, OPERATION_TIMEOUT_MS: operationTimeoutMs, SHARE_IN_FLIGHT: share }: GatewayConfig,
  { clock, log }: ServicePlatform,
): Pick<HandlerDependencies, 'execute' | 'executeIncremental'> {
  const options = { clock, log, operationTimeoutMs };
  return {
    execute: createExecutor({ ...options, kind, shareInFlight: share === 'on' }),
    executeIncremental: kind === 'aduana' ? createExecuteIncremental(options) : undefined,
  };
}

function createCallerExchange(
  config: GatewayConfig,
  { clock }: ServicePlatform,
  { connections, policies, proofs }: Pick<Opened, 'connections' | 'policies' | 'proofs'>,
): Exchange {
  return createExchange({
    sts: connections.sts,
    verify: connections.verifier('gateway'),
    verifyProof: createDpopVerifier({
      clock,
      spend: proofs.spend,
      rememberedSince: config.REDIS_URL === undefined ? clock.now() : undefined,
    }),
    issuer: stsIssuer(config),
    limitClaims: (claims) => claimsWithin(policies.current(), claims),
    isTrustedIssuer: (issuer) => policies.current().issuers.has(issuer),
    isRegistered: (peer) => policies.current().serviceBySpiffeId(peer.spiffeId) !== undefined,
    clock,
  });
}

interface StageParts {
  readonly documentLimits: DocumentLimits;
  readonly budget: MissBudget;
  readonly supergraph: SupergraphManager;
}

function createStages(
  config: GatewayConfig,
  platform: ServicePlatform,
  { documentLimits, budget, supergraph }: StageParts,
) {
  const { clock, log, metrics } = platform;
  return {
    validate: createValidate(config.LIMIT_TOKENS, documentLimits, budget),
    authorize: createAuthorizer({ clock, mode: config.AUTHORIZATION_MODE, budget }),
    views: createViews(config, platform, budget),
    plan: warmBeforeUpdate(
      supergraph,
      createPlan({ log, clock, budget, measure: createPlanMeasure(metrics) }),
      platform,
    ),
    narrow: createNarrow(),
  };
}

/** Nothing is hidden where nothing is refused, or where introspection shows everything. */
function createViews(config: GatewayConfig, { clock }: ServicePlatform, budget: MissBudget): CallerViews {
  const everything = config.AUTHORIZATION_MODE === 'dry_run' || config.INTROSPECTION === 'full';
  return everything ? ({ apiSchema }) => apiSchema : createCallerViews({ clock, budget });
}
