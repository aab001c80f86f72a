import { type Clock, type Log, openClient } from '@aduana/client';
import { clientOptions } from '@aduana/server-kit/config/client-settings';
import { openHttpService } from '@aduana/server-kit/http/service';
import type { RunningService } from '@aduana/server-kit/http/service-platform';
import { createApiRoute } from './api-route.ts';
import type { BffSettings } from './config.ts';
import { createStreamRoute } from './stream-route.ts';
import { createPageRoutes } from './page-routes.ts';

/** A backend for a frontend: pages of its own origin in front, mutual TLS and a token behind. */
export async function startBff(
  settings: BffSettings,
  platform: { readonly clock: Clock; readonly log: Log },
): Promise<RunningService> {
  const client = await openClient({ ...clientOptions('bff', settings), log: platform.log });
  const service = await openHttpService({
    name: 'bff',
    listeners: [{ address: settings.BIND_ADDRESS, port: settings.BFF_PORT, tls: undefined }],
    platform,
  }).catch(async (error: unknown) => {
    await client.close();
    throw error;
  });
  const browser = { publicHosts: settings.PUBLIC_HOSTS, allowedOrigins: [] };
  const api = createApiRoute({
    gateway: client.gateway,
    ownToken: () => client.sts.ownToken('gateway'),
    browser,
  });
  const changes = createStreamRoute({
    gateway: client.gateway,
    ownToken: () => client.sts.ownToken('gateway'),
    browser,
  });
  service.serve(
    [api, changes, ...createPageRoutes(browser)],
    () =>
      Promise.resolve(
        client.status.fresh
          ? { status: 'ok', checks: { status: 'ok' } }
          : { status: 'degraded', checks: { status: 'what is revoked is not known' } },
      ),
    () => false, // the plain listener asks nobody for a certificate
  );
  return {
    name: 'bff',
    url: `http://localhost:${String(service.ports[0])}`,
    isReady: () => service.isReady(),
    async stop() {
      await service.stop();
      await client.close();
    },
  };
}
