import { SecurityError } from '@aduana/core/errors/security-error';
import { requirePeer } from '@aduana/core/http/require-peer';
import type { Route } from '@aduana/core/http/route';

/** Routes of a service in tests: one for each thing that the service does for a route. */
export const ROUTES: Route[] = [
  {
    method: 'POST',
    path: '/echo',
    handle: async (request) => ({ status: 200, body: await request.body(100) }),
  },
  {
    method: 'GET',
    path: '/peer',
    handle: (request) => Promise.resolve({ status: 200, body: requirePeer(request, undefined).spiffeId }),
  },
  {
    method: 'GET',
    path: '/headers',
    handle: (request) => Promise.resolve({ status: 200, body: JSON.stringify(request.headers) }),
  },
  {
    method: 'GET',
    path: '/refused',
    handle: () => Promise.reject(new SecurityError('FORBIDDEN', { detail: 'internal' })),
  },
  { method: 'GET', path: '/broken', handle: () => Promise.reject(new Error('password=hunter2')) },
  {
    method: 'GET',
    path: '/files/*',
    handle: (request) => Promise.resolve({ status: 200, body: request.path }),
  },
];
