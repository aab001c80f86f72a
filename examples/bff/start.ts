import { openHouseLine } from '@aduana/core/client/house-line';
import { gatewayOrigin } from '@aduana/core/config/client-settings';
import { openHttpService } from '@aduana/core/http/service';
import type { RunningService } from '@aduana/core/http/service-platform';
import type { ClientPlatform } from '@aduana/core/client/client-platform';
import { createApiRoute } from './api-route.ts';
import type { BffSettings } from './config.ts';
import { createPageRoutes } from './page-routes.ts';

/** A backend for a frontend: the page's own origin in front, mutual TLS and a token behind. */
export async function startBff(settings: BffSettings, platform: ClientPlatform): Promise<RunningService> {
  const service = await openHttpService({
    name: 'bff',
    listeners: [{ address: settings.BIND_ADDRESS, port: settings.BFF_PORT, tls: undefined }],
    platform,
  });
  const line = openHouseLine({ service: 'bff', settings, platform });
  const gateway = line.client.peer({
    origin: gatewayOrigin(settings),
    spiffeId: `spiffe://${settings.TRUST_DOMAIN}/gateway`,
    failureCode: 'GATEWAY_UNAVAILABLE',
  });
  const browser = { publicHosts: settings.PUBLIC_HOSTS, allowedOrigins: [] };
  const api = createApiRoute({ gateway, ownToken: () => line.sts.ownToken('gateway'), browser });
  service.serve(
    [api, ...createPageRoutes(browser)],
    () => Promise.resolve({ status: line.status.fresh ? 'ok' : 'degraded', checks: line.check() }),
    () => false,
  );
  return {
    name: 'bff',
    url: `http://localhost:${String(service.ports[0])}`,
    isReady: () => service.isReady(),
    async stop() {
      await service.stop();
      await line.close();
    },
  };
}
