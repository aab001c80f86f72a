import { openAnonymousFlood } from '@aduana/server-kit/audit/anonymous-flood';
import { openAuditConnection } from '@aduana/server-kit/connections/audit-connection';
import { openServiceConnections } from '@aduana/server-kit/connections/service-connections';
import { recordPolicies } from '@aduana/server-kit/audit/record-policies';
import { createRefusalRecorder } from '@aduana/server-kit/audit/refusal-recorder';
import { healthListener } from '@aduana/server-kit/http/service-listeners';
import type { Health } from '@aduana/server-kit/http/health';
import { closeIt, startInScope, stopIt } from '@aduana/server-kit/platform/disposal-scope';
import { type HttpService, openHttpService } from '@aduana/server-kit/http/service';
import type { RunningService, ServicePlatform } from '@aduana/server-kit/http/service-platform';
import { openPolicies } from '@aduana/server-kit/iam/live-policies';
import type { GatewayConfig } from './config.ts';
import { closeLeftSpools } from './workers/close-left-spools.ts';
import type { GatewayWorker } from './workers/gateway-worker.ts';
import { untilReady } from './workers/until-ready.ts';
import { createHandler } from './handler.ts';
import { openTrustedDocuments, type TrustedDocuments } from './documents/trusted-documents.ts';
import { createUpgradeHandler } from './websocket/create-upgrade-handler.ts';
import { createCallerLimits } from './limits/caller-limits.ts';
import { createProofMemory } from './exchange/proof-memory.ts';
import { bodyRoom } from './limits/body-room.ts';
import { listenersOf, urlOf } from './listeners.ts';
import { createRoutes } from './routes.ts';
import { openSupergraph } from './open-supergraph.ts';
import { recordSupergraph } from './supergraph/record-supergraph.ts';
import { createDependencies, type Dependencies, type Opened } from './create-dependencies.ts';

/** The gateway's composition root. */
export async function startGateway(
  config: GatewayConfig,
  platform: ServicePlatform,
  worker?: GatewayWorker,
): Promise<RunningService> {
  const { clock, log } = platform;
  return startInScope(async (scope) => {
    const openHttp = async () => scope.add(await openListeners(config, platform, worker), stopIt);
    // A port that others serve is joined once there is something to serve.
    const early = worker?.isReplacement === true ? undefined : await openHttp();
    const policies = scope.add(await openPolicies({ folder: config.POLICIES_DIR, clock, log }), stopIt);
    const supergraph = scope.add(await openSupergraph(config, platform, policies), stopIt);
    const connectionOptions = {
      service: 'gateway',
      settings: config,
      platform,
      policies: () => policies.current(),
      worker: worker?.number,
    };
    const connections = scope.add(openServiceConnections(connectionOptions), closeIt);
    const auditConnection = scope.add(await openAuditConnection(connections, connectionOptions), closeIt);
    const { audit } = auditConnection;
    const { number = 1, count = 1 } = worker ?? {};
    if (number === 1)
      scope.add({ sent: closeLeftSpools(connections, connectionOptions, count) }, ({ sent }) => sent);
    recordPolicies('gateway', policies, audit, platform);
    recordSupergraph(supergraph, audit, platform);
    const flood = scope.add(
      openAnonymousFlood(config.ANONYMOUS_EVENTS_PER_MINUTE, audit, platform),
      ({ flush }) => flush(),
    );
    const callers = scope.add(await createCallerLimits(config, platform, worker?.shared), closeIt);
    const proofs = scope.add(worker?.shared?.spent ?? (await createProofMemory(config, platform)), closeIt);
    const trusted = scope.add(await openTrusted(config, platform), (documents) => documents?.stop());
    const opened = { connections, audit, flood, policies, supergraph, callers, proofs, trusted };
    const dependencies = createDependencies(config, platform, opened);
    await dependencies.warm();
    if (early === undefined) await untilReady(() => healthOf(opened).status !== 'unavailable', clock);
    const http = early ?? (await openHttp());
    http.honourTraceFlags((peer) => policies.current().serviceBySpiffeId(peer.spiffeId) !== undefined);
    serve(http, config, platform, opened, dependencies);
    // What requests need is closed after the last of them.
    scope.add(http, stopIt);
    scope.add(dependencies.streams, closeIt);
    return {
      name: 'gateway',
      url: urlOf(config, http),
      isReady: () => http.isReady(),
      drain: () => {
        http.drain();
      },
      stop: () => scope.close(),
    };
  });
}

async function openTrusted(
  { TRUSTED_DOCUMENTS: file }: GatewayConfig,
  { clock, log }: ServicePlatform,
): Promise<TrustedDocuments | undefined> {
  return file === 'off' ? undefined : openTrustedDocuments({ file, clock, log });
}

function openListeners(
  config: GatewayConfig,
  platform: ServicePlatform,
  worker: GatewayWorker | undefined,
): Promise<HttpService> {
  return openHttpService({
    name: 'gateway',
    listeners: listenersOf(config, platform),
    ...healthListener(config),
    ...bodyRoom(config),
    upgrades: true,
    holdUntilServed: worker?.isReplacement === true,
    platform,
  });
}

function serve(
  http: HttpService,
  config: GatewayConfig,
  platform: ServicePlatform,
  opened: Opened,
  dependencies: Dependencies,
): void {
  http.serve(
    createRoutes(config, platform, createHandler(dependencies), dependencies, () => healthOf(opened)),
    () => Promise.resolve(healthOf(opened)),
    (thumbprint) => opened.connections.status.isCertificateRevoked(thumbprint),
    createRefusalRecorder(opened.audit, platform),
    createUpgradeHandler({
      dependencies,
      limits: dependencies.streamLimits,
      heartbeatMs: config.STREAM_HEARTBEAT_SECONDS * 1000,
    }),
  );
}

function healthOf({ connections, audit, callers, proofs, supergraph }: Opened): Health {
  const checks: Readonly<Record<string, string>> = {
    ...connections.check(),
    audit: audit.state,
    supergraph: supergraph.state(),
    rates: callers.state,
    proofs: proofs.state === 'ok' ? 'ok' : 'DPoP proofs are known to each replica alone',
  };
  const ok = Object.values(checks).every((state) => state === 'ok');
  return { status: checks['status'] !== 'ok' ? 'unavailable' : ok ? 'ok' : 'degraded', checks };
}
