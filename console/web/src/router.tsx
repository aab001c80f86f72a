import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  type RouteComponent,
} from '@tanstack/react-router';
import { NotFound, Shell } from './shell.tsx';
import { LoginPage } from './pages/login.tsx';
import { readRequestFilter } from './pages/requests/request-filter.ts';

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });
const overview = createRoute({
  getParentRoute: () => root,
  path: '/',
  component: lazyRouteComponent(() => import('./pages/overview/overview.tsx'), 'OverviewPage'),
});
const requests = createRoute({
  getParentRoute: () => root,
  path: '/requests',
  validateSearch: readRequestFilter,
  component: lazyRouteComponent(() => import('./pages/requests/requests.tsx'), 'RequestsPage'),
});
const request = createRoute({
  getParentRoute: () => root,
  path: '/requests/$auditId',
  component: lazyRouteComponent(() => import('./pages/request/request.tsx'), 'RequestPage'),
});
const integrity = createRoute({
  getParentRoute: () => root,
  path: '/integrity',
  component: lazyRouteComponent(() => import('./pages/integrity/integrity.tsx'), 'IntegrityPage'),
});
const keys = createRoute({
  getParentRoute: () => root,
  path: '/keys',
  component: lazyRouteComponent(() => import('./pages/keys.tsx'), 'KeysPage'),
});
const certificates = createRoute({
  getParentRoute: () => root,
  path: '/certificates',
  component: lazyRouteComponent(() => import('./pages/certificates.tsx'), 'CertificatesPage'),
});
const policies = createRoute({
  getParentRoute: () => root,
  path: '/policies',
  validateSearch: (search: Readonly<Record<string, unknown>>) => textsOf(search, POLICY_SEARCH),
  component: lazyRouteComponent(() => import('./pages/policies/policies.tsx'), 'PoliciesPage'),
});
const graph = createRoute({
  getParentRoute: () => root,
  path: '/graph',
  validateSearch: (search: Readonly<Record<string, unknown>>) => textsOf(search, GRAPH_SEARCH),
  component: lazyRouteComponent(() => import('./pages/graph/graph.tsx'), 'GraphPage'),
});
const services = createRoute({
  getParentRoute: () => root,
  path: '/services',
  component: lazyRouteComponent(() => import('./pages/services.tsx'), 'ServicesPage'),
});
const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  component: LoginPage as RouteComponent,
});

const POLICY_SEARCH = ['part', 'subject', 'from', 'to'] as const;
const GRAPH_SEARCH = ['search', 'only'] as const;

/** What a view keeps in its address: texts alone. */
function textsOf<Name extends string>(
  search: Readonly<Record<string, unknown>>,
  names: readonly Name[],
): Partial<Record<Name, string>> {
  const texts: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const value = search[name];
    if (typeof value === 'string' || typeof value === 'number') texts[name] = String(value);
  }
  return texts;
}

const tree = root.addChildren([
  overview,
  requests,
  request,
  integrity,
  keys,
  certificates,
  policies,
  graph,
  services,
  login,
]);

export function createPages() {
  return createRouter({ routeTree: tree, defaultPreload: 'intent', scrollRestoration: false });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createPages>;
  }
}
