import { readFile } from 'node:fs/promises';
import { openAuditLine } from '@aduana/core/client/audit-line';
import { createRefusalRecorder } from '@aduana/core/client/refusal-recorder';
import { createSecureClient } from '@aduana/core/client/secure-client';
import { stsIssuer } from '@aduana/core/config/house-settings';
import type { Environment } from '@aduana/core/config/load-config';
import { openRemoteKeys } from '@aduana/core/secrets/open-remote-keys';
import type { Health } from '@aduana/core/http/health';
import { openHttpService } from '@aduana/core/http/service';
import { serviceListeners } from '@aduana/core/http/service-listeners';
import type { RunningService, ServicePlatform } from '@aduana/core/http/service-platform';
import { createSubgraphRoute } from '../start-subgraph.ts';
import { readRotationTiming, type StsSettings } from './config.ts';
import { openSts, type OpenSts } from './open-sts.ts';
import { createRoutes } from './routes/routes.ts';
import { createResolvers } from './resolvers.ts';

export interface StsConfig extends StsSettings {
  /** Where `VAULT_*` is looked up for signing keys that lie there. */
  readonly variables: Environment;
}

/** The composition root of the Security Token Service. */
export async function startSts(settings: StsConfig, platform: ServicePlatform): Promise<RunningService> {
  const timing = readRotationTiming(settings);
  const service = await openHttpService({
    name: 'sts',
    ...serviceListeners(settings, platform.identity, settings.STS_PORT),
    platform,
  });
  const closers: (() => Promise<void>)[] = [() => service.stop()];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0)) await close();
  };
  try {
    const client = createSecureClient(platform);
    closers.push(() => client.close());
    const sts = await openSts({
      settings,
      timing,
      issuer: stsIssuer(settings),
      platform,
      openAudit: (ownToken) =>
        openAuditLine({ client, sts: { ownToken } }, { service: 'sts', settings, platform }),
      openRemoteKeys: (kind) => openRemoteKeys(kind, { ...platform, environment: settings.variables }),
    });
    closers.splice(1, 0, () => sts.close());
    const graphql = await createSubgraphRoute({
      name: 'sts',
      sdl: await readFile(new URL('schema.graphql', import.meta.url), 'utf8'),
      resolvers: createResolvers({ ...sts, now: () => platform.clock.now() }),
      peers: new Set([`spiffe://${settings.TRUST_DOMAIN}/gateway`]),
      verify: sts.verify,
      mode: settings.AUTHORIZATION_MODE,
      log: platform.log,
    });
    service.serve(
      [...createRoutes(sts), graphql],
      () => Promise.resolve(healthOf(sts)),
      (thumbprint) => sts.status.isCertificateRevoked(thumbprint),
      createRefusalRecorder(sts.audit, platform),
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    name: 'sts',
    url: `https://localhost:${String(service.ports[0])}`,
    isReady: () => service.isReady(),
    stop,
  };
}

function healthOf({ canSign, status, audit }: OpenSts): Health {
  const checks = {
    keys: canSign() ? 'ok' : 'nothing can be signed now',
    status: status.fresh ? 'ok' : 'what is revoked is not known',
    audit: audit.state,
  };
  return { status: canSign() && status.fresh ? 'ok' : 'unavailable', checks };
}
