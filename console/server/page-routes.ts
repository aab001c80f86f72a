import { SecurityError } from '@aduana/core/errors/security-error';
import type { Route, ServiceRequest, ServiceResponse } from '@aduana/core/http/route';
import type { ConsoleRoute } from './console-route.ts';
import type { RequireSession } from './require-session.ts';
import { clearedCookie, readCookie } from './session-cookie.ts';
import type { WebFile, WebFiles } from './web-files.ts';

export interface PageRoutesOptions {
  readonly route: ConsoleRoute;
  readonly requireSession: RequireSession;
  readonly files: WebFiles;
}

/** No script, style, image or call of any other origin, no markup from text, no frame around the page. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');
const PAGE_HEADERS = {
  'content-security-policy': POLICY,
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'cache-control': 'no-store',
} as const;
const PAGES = [
  '/',
  '/requests',
  '/requests/*',
  '/integrity',
  '/keys',
  '/certificates',
  '/policies',
  '/graph',
  '/services',
] as const;

/** The pages, which are one file: what it shows comes by data requests, and without a session there is only the login. */
export function createPageRoutes({ route, requireSession, files }: PageRoutesOptions): readonly Route[] {
  const page = (request: ServiceRequest) => serve(files.index, request, PAGE_HEADERS);
  return [
    ...PAGES.map((path) =>
      route({ method: 'GET', path }, 'navigation', async (request) => {
        try {
          await requireSession(request);
        } catch (error) {
          if (!(error instanceof SecurityError) || error.status !== 401) throw error;
          return toLogin(request);
        }
        return page(request);
      }),
    ),
    route({ method: 'GET', path: '/login' }, 'navigation', page),
    route({ method: 'GET', path: '/assets/*' }, 'asset', (request) => serveAsset(request, files)),
  ];
}

/** A cookie that was not sent may still be good: another site's link brings none along. */
function toLogin(request: ServiceRequest): ServiceResponse {
  const { path, encrypted } = request;
  const next = path === '/' ? '' : `?next=${encodeURIComponent(path)}`;
  const isStale = readCookie(request, 'session') !== undefined;
  return {
    status: 302,
    headers: {
      location: `/login${next}`,
      'cache-control': 'no-store',
      ...(isStale ? { 'set-cookie': clearedCookie('session', encrypted) } : {}),
    },
  };
}

/** Their names hold a hash of what is in them. */
async function serveAsset(request: ServiceRequest, { assets }: WebFiles): Promise<ServiceResponse> {
  const file = assets.get(request.path.slice('/assets/'.length));
  if (file === undefined) throw new SecurityError('NOT_FOUND');
  return serve(file, request, {
    'cache-control': 'public, max-age=31536000, immutable',
    'cross-origin-resource-policy': 'same-origin',
  });
}

async function serve(
  file: WebFile,
  { headers }: ServiceRequest,
  more: Readonly<Record<string, string>>,
): Promise<ServiceResponse> {
  const { bytes, encoding } = await file.encoded(headers['accept-encoding'] ?? '');
  return {
    status: 200,
    headers: {
      'content-type': file.type,
      vary: 'Accept-Encoding',
      ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
      ...more,
    },
    body: bytes,
  };
}
