import { SecurityError } from '@aduana/core/errors/security-error';
import { errorResponse, toSecurityError } from '@aduana/core/http/error-response';
import type { IncomingRequest } from '@aduana/core/http/incoming-request';
import type { Route, ServiceResponse } from '@aduana/core/http/route';
import { describeError, type Log } from '@aduana/core/platform/log';
import { traceFields } from '@aduana/core/wire/trace-context';
import { type Health, healthResponse } from './health.ts';

/** Finds the route of a request and lets it answer; a failure becomes its error response. */
export type Router = (request: IncomingRequest) => Promise<ServiceResponse>;

/** Lets requests wait for the router that comes. */
export function holdRequests(next: () => Router): { readonly router: Router; release(): void } {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  return {
    router: (request) => released.then(() => next()(request)),
    release: () => {
      release();
    },
  };
}

export const notFound: Router = () => Promise.resolve(errorResponse(new SecurityError('NOT_FOUND')));

/** The routes of a service, and its `/health*`. */
export function createRouter(
  name: string,
  routes: readonly Route[],
  health: () => Promise<Health>,
  log: Log,
): Router {
  const healthRoute = (path: string): Route => ({
    method: 'GET',
    path,
    handle: async () => healthResponse(name, await health()),
  });
  const live: Route = {
    method: 'GET',
    path: '/health/live',
    handle: () => Promise.resolve(healthResponse(name, { status: 'ok', checks: {} })),
  };
  const all = [...routes, healthRoute('/health'), healthRoute('/health/ready'), live];
  const exact = new Map<string, Map<string, Route>>();
  const prefixes = all.filter(({ path }) => path.endsWith('/*'));
  for (const route of all)
    exact.set(route.path, (exact.get(route.path) ?? new Map<string, Route>()).set(route.method, route));

  return async (request) => {
    try {
      const method = request.method === 'HEAD' ? 'GET' : request.method;
      const methods = exact.get(request.path);
      const route =
        methods?.get(method) ??
        methods?.get('*') ??
        prefixes.find(({ path, method: of }) => of === method && request.path.startsWith(path.slice(0, -1)));
      if (route !== undefined) {
        request.route = route.path;
        return await route.handle(request);
      }
      if (methods !== undefined)
        return {
          ...errorResponse(new SecurityError('METHOD_NOT_ALLOWED')),
          headers: { allow: [...methods.keys()].join(', ') },
        };
      return errorResponse(new SecurityError(routes.length === 0 ? 'NOT_READY' : 'NOT_FOUND'));
    } catch (error) {
      const known = toSecurityError(error);
      const fields = { path: request.path, error: describeError(error), ...traceFields(request.trace) };
      // 503 says that something else is away, which has its own log entry.
      if (known.status === 503) log.debug('a request could not be served', fields);
      else if (known.status >= 500) log.error('a request failed', fields);
      return errorResponse(known);
    }
  };
}
