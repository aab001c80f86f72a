import { isPeerRefused } from '@aduana/core/status/is-peer-refused';
import { readFile } from 'node:fs/promises';
import { openAuditConnection } from '@aduana/server-kit/connections/audit-connection';
import {
  type ServiceConnections,
  openServiceConnections,
} from '@aduana/server-kit/connections/service-connections';
import { stsIssuer } from '@aduana/server-kit/config/service-settings';
import { createRefusalRecorder } from '@aduana/server-kit/audit/refusal-recorder';
import { DateTimeScalar } from '@aduana/server-kit/graphql/date-time-scalar';
import type { Health } from '@aduana/server-kit/http/health';
import type { Route } from '@aduana/core/http/route';
import { startHttpService } from '@aduana/server-kit/http/start-http-service';
import { serviceListeners } from '@aduana/server-kit/http/service-listeners';
import type { RunningService, ServicePlatform } from '@aduana/server-kit/http/service-platform';
import { closeIt, stopIt } from '@aduana/server-kit/platform/disposal-scope';
import { openPolicies } from '@aduana/server-kit/iam/live-policies';
import { createSubgraphRoute } from '../subgraph-route.ts';
import type { AdminSettings } from './config.ts';
import { openAdmin, type OpenAdmin } from './open-admin.ts';
import { createResolvers } from './resolvers.ts';

/** The composition root of the admin service. */
export async function startAdmin(
  settings: AdminSettings,
  platform: ServicePlatform,
): Promise<RunningService> {
  const { clock, log } = platform;
  const listeners = serviceListeners(settings, platform.identity, settings.ADMIN_PORT);
  return startHttpService({ name: 'admin', ...listeners, platform }, async (scope, http) => {
    const policies = scope.add(await openPolicies({ folder: settings.POLICIES_DIR, clock, log }), stopIt);
    const connectionOptions = {
      service: 'admin',
      settings,
      platform,
      policies: () => policies.current(),
    };
    const connections = scope.add(openServiceConnections(connectionOptions), closeIt);
    const { audit } = scope.add(await openAuditConnection(connections, connectionOptions), closeIt);
    const admin = scope.add(
      await openAdmin({ policies, connections, audit, platform, certsDir: settings.CERTS_DIR }),
      closeIt,
    );
    http.honourTraceFlags((peer) => policies.current().serviceBySpiffeId(peer.spiffeId) !== undefined);
    http.serve(
      [await createGraphqlRoute(settings, platform, connections, admin)],
      async () => healthOf(connections, { ...(await admin.check()), audit: audit.state }),
      (...peer) => isPeerRefused(connections.status, ...peer),
      createRefusalRecorder(audit, platform),
    );
  });
}

async function createGraphqlRoute(
  settings: AdminSettings,
  { clock, log }: ServicePlatform,
  connections: ServiceConnections,
  admin: OpenAdmin,
): Promise<Route> {
  return createSubgraphRoute({
    name: 'admin',
    sdl: await readFile(new URL('schema.graphql', import.meta.url), 'utf8'),
    resolvers: {
      DateTime: DateTimeScalar,
      ...createResolvers({
        ...admin,
        issuer: stsIssuer(settings),
        readSupergraph: () => readFile(settings.SUPERGRAPH_SDL, 'utf8'),
        now: () => clock.now(),
      }),
    },
    // The operator needs no gateway, which may be what is to be suspended.
    peers: new Set(['gateway', 'operator'].map((id) => `spiffe://${settings.TRUST_DOMAIN}/${id}`)),
    verify: connections.verifier('admin'),
    mode: settings.AUTHORIZATION_MODE,
    unguardedFields: settings.UNGUARDED_FIELDS,
    log,
  });
}

function healthOf(connections: ServiceConnections, own: Readonly<Record<string, string>>): Health {
  const checks = { ...connections.check(), ...own };
  const ok = Object.values(checks).every((state) => state === 'ok');
  const canServe = checks['status'] === 'ok' && checks['database'] === 'ok';
  return { status: !canServe ? 'unavailable' : ok ? 'ok' : 'degraded', checks };
}
