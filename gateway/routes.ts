import { SecurityError } from '@aduana/core/errors/security-error';
import type { Route, ServiceRequest, ServiceResponse } from '@aduana/core/http/route';
import type { Platform } from '@aduana/core/platform/platform';
import type { GatewaySettings } from './config.ts';
import { createExplorerRoutes } from './explorer/explorer-routes.ts';
import type { HandlerRooms } from './handler.ts';
import { authenticate } from './pipeline/authenticate.ts';
import { checkBrowserRules } from '@aduana/core/http/browser-rules';
import { rightsOf } from './pipeline/rights.ts';

type Handle = (request: ServiceRequest) => Promise<ServiceResponse>;

/** The gateway's addresses; the explorers on the loopback listener, elsewhere only where the operator wants them. */
export function createRoutes(
  settings: GatewaySettings,
  platform: Platform,
  graphql: Handle,
  rooms: HandlerRooms,
): readonly Route[] {
  const behindBrowserRules =
    (handle: Handle): Handle =>
    (request) => {
      checkBrowserRules(request, rooms.browser);
      return handle(request);
    };
  const explorers = createExplorerRoutes().map((route) => ({
    ...route,
    handle: behindBrowserRules((request) => {
      if (request.encrypted && settings.EXPLORER !== 'on') throw new SecurityError('NOT_FOUND');
      return route.handle(request);
    }),
  }));
  return [
    { method: '*', path: '/graphql', handle: graphql },
    {
      method: 'GET',
      path: '/metrics',
      handle: behindBrowserRules(async (request) => {
        if (request.encrypted) await requireMetricsPermission(request, rooms);
        const { contentType, body } = await platform.metrics.expose();
        return { status: 200, headers: { 'content-type': contentType, 'cache-control': 'no-store' }, body };
      }),
    },
    ...explorers,
  ];
}

async function requireMetricsPermission(request: ServiceRequest, rooms: HandlerRooms): Promise<void> {
  const { caller } = await rooms.exchange(authenticate(request), request);
  if (
    !rightsOf(caller, rooms.engine(), { time: rooms.platform.clock.now() }).holdsScope('gateway:metrics:read')
  )
    throw new SecurityError('FORBIDDEN');
}
