import { SecurityError } from '@aduana/core/errors/security-error';
import type { Route, ServiceRequest, ServiceResponse } from '@aduana/core/http/route';
import type { Platform } from '@aduana/core/platform/platform';
import type { GatewaySettings } from './config.ts';
import { createExplorerRoutes } from './explorer/explorer-routes.ts';
import type { HandlerDependencies } from './handler-dependencies.ts';
import { checkBrowserRules } from '@aduana/core/http/browser-rules';
import { rightsOf } from './authorize/rights.ts';
import { createStatusRoute, type StatusRouteOptions } from './status-route.ts';

type Handle = (request: ServiceRequest) => Promise<ServiceResponse>;

/** The gateway's addresses; the explorers on the loopback listener, elsewhere only where the operator wants them. */
export function createRoutes(
  settings: GatewaySettings,
  platform: Platform,
  graphql: Handle,
  dependencies: HandlerDependencies & { readonly subgraphs: StatusRouteOptions['connections'] },
  health: StatusRouteOptions['health'],
): readonly Route[] {
  const behindBrowserRules =
    (handle: Handle): Handle =>
    (request) => {
      checkBrowserRules(request, dependencies.browser);
      return handle(request);
    };
  const explorers = createExplorerRoutes().map((route) => ({
    ...route,
    handle: behindBrowserRules((request) => {
      if (request.encrypted && settings.EXPLORER !== 'on') throw new SecurityError('NOT_FOUND');
      return route.handle(request);
    }),
  }));
  const statusRoute = createStatusRoute({
    health,
    connections: dependencies.subgraphs,
    platform,
    traffic: dependencies.traffic,
    supergraph: dependencies.supergraph,
    requirePermission: (request) => requireMetricsPermission(request, dependencies),
  });
  return [
    { method: '*', path: '/graphql', handle: graphql },
    {
      method: 'GET',
      path: '/metrics',
      handle: behindBrowserRules(async (request) => {
        if (request.encrypted) await requireMetricsPermission(request, dependencies);
        const { contentType, body } = await platform.metrics.expose();
        return { status: 200, headers: { 'content-type': contentType, 'cache-control': 'no-store' }, body };
      }),
    },
    {
      ...statusRoute,
      handle: behindBrowserRules((request) => statusRoute.handle(request)),
    },
    ...explorers,
  ];
}

async function requireMetricsPermission(
  request: ServiceRequest,
  dependencies: HandlerDependencies,
): Promise<void> {
  const { caller } = await dependencies.exchange(dependencies.authenticate(request), request);
  if (
    !rightsOf(caller, dependencies.engine(), { time: dependencies.platform.clock.now() }).holdsScope(
      'gateway:metrics:read',
    )
  )
    throw new SecurityError('FORBIDDEN');
}
