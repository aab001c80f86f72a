import { isPeerRefused } from '@aduana/core/status/is-peer-refused';
import { openServiceConnections } from '@aduana/server-kit/connections/service-connections';
import { createRefusalRecorder } from '@aduana/server-kit/audit/refusal-recorder';
import type { Health } from '@aduana/server-kit/http/health';
import { startHttpService } from '@aduana/server-kit/http/start-http-service';
import { serviceListeners } from '@aduana/server-kit/http/service-listeners';
import type { RunningService, ServicePlatform } from '@aduana/server-kit/http/service-platform';
import { closeIt, stopIt } from '@aduana/server-kit/platform/disposal-scope';
import { openPolicies } from '@aduana/server-kit/iam/live-policies';
import { createStoreCheck } from '@aduana/server-kit/store/store-check';
import { createCheckpointRoutes } from './checkpoints/checkpoint-routes.ts';
import type { AuditSettings } from './config.ts';
import { createGraphqlRoute } from './graphql-route.ts';
import { createEventsRoute, createHeldEventsRoute } from './log/events-route.ts';
import { createSourceRate } from './log/source-rate.ts';
import { type OpenLog, openLog } from './open-log.ts';
import { createPersonalDataRoutes } from './reading/personal-data-routes.ts';
import { createRecoveryRoutes } from './recovery-routes.ts';
import { createTileRoutes } from './reading/tile-routes.ts';

/** The audit log's composition root. */
export async function startAudit(
  settings: AuditSettings,
  platform: ServicePlatform,
): Promise<RunningService> {
  const { identity } = platform;
  const listeners = serviceListeners(settings, identity, settings.AUDIT_PORT);
  return startHttpService({ name: 'audit', ...listeners, platform }, async (scope, http) => {
    const policies = scope.add(await openPolicies({ folder: settings.POLICIES_DIR, ...platform }), stopIt);
    const current = () => policies.current();
    const connections = scope.add(
      openServiceConnections({ service: 'audit', settings, platform, policies: current }),
      closeIt,
    );
    const log = scope.add(await openLog(settings, platform), closeIt);
    const verify = connections.verifier('audit');
    const authority = { policies: current, status: connections.status, clock: platform.clock };
    const trustDomain = settings.TRUST_DOMAIN;
    const rate = createSourceRate(settings.AUDIT_EVENTS_PER_MINUTE, platform.clock);
    const checkStore = createStoreCheck(log.reader, platform.clock);
    http.honourTraceFlags((peer) => current().serviceBySpiffeId(peer.spiffeId) !== undefined);
    http.serve(
      [
        createEventsRoute({ trustDomain, verify, rate, ingest: log.ingest }),
        createHeldEventsRoute({ trustDomain, verify, rate, held: log.held }),
        ...createCheckpointRoutes(log),
        ...createRecoveryRoutes({ ...log, ...authority }),
        ...createTileRoutes({ ...log, ...authority }),
        ...createPersonalDataRoutes({ ...log, ...authority }),
        await createGraphqlRoute({
          ...log,
          clock: platform.clock,
          status: connections.status,
          onStop: http.onStop.bind(http),
          trustDomain,
          verify,
          mode: settings.AUTHORIZATION_MODE,
          unguardedFields: settings.UNGUARDED_FIELDS,
          log: platform.log,
        }),
      ],
      async () => healthOf(log, { ...connections.check(), database: await checkStore() }),
      (...peer) => isPeerRefused(connections.status, ...peer),
      createRefusalRecorder(log.audit, platform),
    );
  });
}

function healthOf(log: OpenLog, parts: Readonly<Record<string, string>>): Health {
  const checks = {
    ...parts,
    log: log.contradiction() ?? (log.ingest.isRefusing ? 'events are refused' : 'ok'),
    audit: log.audit.state,
  };
  const isTorn = log.contradiction() !== undefined; // what is recorded now can be proved to nobody
  const isUseful = parts['database'] === 'ok' || log.held.isTaking; // it may hold what it cannot append
  if (isTorn || parts['status'] !== 'ok' || !isUseful) return { status: 'unavailable', checks };
  const isWhole = parts['database'] === 'ok' && checks.log === 'ok' && checks.audit === 'ok';
  return { status: isWhole ? 'ok' : 'degraded', checks };
}
