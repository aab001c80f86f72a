import { isPeerRefused } from '@aduana/core/status/is-peer-refused';
import { readFile } from 'node:fs/promises';
import { openAuditConnection } from '@aduana/server-kit/connections/audit-connection';
import { createRefusalRecorder } from '@aduana/server-kit/audit/refusal-recorder';
import { createSecureClient } from '@aduana/core/mtls-client/secure-client';
import { stsIssuer } from '@aduana/server-kit/config/service-settings';
import type { Environment } from '@aduana/server-kit/config/load-config';
import { openRemoteKeys } from '@aduana/server-kit/secrets/open-remote-keys';
import type { Health } from '@aduana/server-kit/http/health';
import { startHttpService } from '@aduana/server-kit/http/start-http-service';
import { serviceListeners } from '@aduana/server-kit/http/service-listeners';
import type { RunningService, ServicePlatform } from '@aduana/server-kit/http/service-platform';
import { closeIt } from '@aduana/server-kit/platform/disposal-scope';
import { createStoreCheck } from '@aduana/server-kit/store/store-check';
import type { ListenerOptions } from '@aduana/server-kit/http/listener';
import { SECURITY_EVENTS_PATH } from './routes/security-events-route.ts';
import { createSubgraphRoute } from '../subgraph-route.ts';
import { readRotationTiming, type StsSettings } from './config.ts';
import { openSts, type OpenSts } from './open-sts.ts';
import { createRoutes } from './create-routes.ts';
import { createResolvers } from './resolvers.ts';

export interface StsConfig extends StsSettings {
  /** Where `VAULT_*` is looked up for signing keys that lie there. */
  readonly variables: Environment;
}

/** The composition root of the Security Token Service. */
export async function startSts(settings: StsConfig, platform: ServicePlatform): Promise<RunningService> {
  const timing = readRotationTiming(settings);
  const { listeners, ...probes } = serviceListeners(settings, platform.identity, settings.STS_PORT);
  const all = [...listeners, ...eventsListener(settings, platform)];
  return startHttpService({ name: 'sts', listeners: all, ...probes, platform }, async (scope, http) => {
    const client = scope.add(createSecureClient(platform), closeIt);
    const opening = openSts({
      settings,
      timing,
      issuer: stsIssuer(settings),
      platform,
      openAudit: (ownToken) =>
        openAuditConnection({ client, sts: { ownToken } }, { service: 'sts', settings, platform }),
      openRemoteKeys: (kind) => openRemoteKeys(kind, { ...platform, environment: settings.variables }),
    });
    const sts = scope.add(await opening, closeIt);
    const checkStore = createStoreCheck(sts.store.writer, platform.clock);
    const graphql = await createSubgraphRoute({
      name: 'sts',
      sdl: await readFile(new URL('schema.graphql', import.meta.url), 'utf8'),
      resolvers: createResolvers({ ...sts, now: () => platform.clock.now() }),
      peers: new Set([`spiffe://${settings.TRUST_DOMAIN}/gateway`]),
      verify: sts.verify,
      mode: settings.AUTHORIZATION_MODE,
      unguardedFields: settings.UNGUARDED_FIELDS,
      log: platform.log,
    });
    http.honourTraceFlags((peer) => sts.clients.policies().serviceBySpiffeId(peer.spiffeId) !== undefined);
    http.serve(
      [...createRoutes(sts), graphql],
      async () => healthOf(sts, await checkStore()),
      (...peer) => isPeerRefused(sts.status, ...peer),
      createRefusalRecorder(sts.audit, platform),
    );
  });
}

/** For transmitters of security events alone: TLS asks them for no certificate, and the signatures of their tokens prove who they are. */
function eventsListener(
  {
    SSF_PORT: port,
    BIND_ADDRESS: address,
    TRUST_DOMAIN: trustDomain,
    PROXY_PROTOCOL_FROM: balancers,
  }: StsConfig,
  { identity }: ServicePlatform,
): readonly ListenerOptions[] {
  if (port === 'off') return [];
  const tls = {
    identity,
    trustDomain,
    clientCertificates: 'none',
    minVersion: 'TLSv1.3',
    balancers,
  } as const;
  return [{ address, port, tls, paths: [SECURITY_EVENTS_PATH] }];
}

function healthOf({ canSign, status, audit, seals }: OpenSts, database: string): Health {
  const checks = {
    store: seals.forged.state,
    keys: canSign() ? 'ok' : 'nothing can be signed now',
    status: status.fresh ? 'ok' : 'what is revoked is not known',
    database,
    audit: audit.state,
  };
  if (!canSign() || !status.fresh || database !== 'ok') return { status: 'unavailable', checks };
  return { status: checks.store === 'ok' ? 'ok' : 'degraded', checks };
}
