import { readFile } from 'node:fs/promises';
import { openAuditLine } from '@aduana/core/client/audit-line';
import { createRefusalRecorder } from '@aduana/core/client/refusal-recorder';
import { createSecureClient } from '@aduana/core/client/secure-client';
import { stsIssuer } from '@aduana/core/config/house-settings';
import type { Health } from '@aduana/core/http/health';
import { openHttpService } from '@aduana/core/http/service';
import { serviceListeners } from '@aduana/core/http/service-listeners';
import type { RunningService, ServicePlatform } from '@aduana/core/http/service-platform';
import { createSubgraphRoute } from '../start-subgraph.ts';
import { readRotationTiming, type StsSettings } from './config.ts';
import { openSts, type OpenSts } from './open-sts.ts';
import { createRoutes } from './routes/routes.ts';
import { createResolvers } from './resolvers.ts';

/** The composition root of the Security Token Service. */
export async function startSts(settings: StsSettings, platform: ServicePlatform): Promise<RunningService> {
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

function healthOf({ ring, status, audit }: OpenSts): Health {
  const signs = canSign(ring);
  const checks = {
    keys: signs ? 'ok' : 'nothing can be signed now',
    status: status.fresh ? 'ok' : 'what is revoked is not known',
    audit: audit.state,
  };
  return { status: signs && status.fresh ? 'ok' : 'unavailable', checks };
}

function canSign(ring: OpenSts['ring']): boolean {
  try {
    ring.signer();
    return true;
  } catch {
    return false;
  }
}
