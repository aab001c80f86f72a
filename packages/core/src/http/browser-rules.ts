import { SecurityError } from '../errors/security-error.ts';
import type { ServiceRequest } from './route.ts';

/** From where a browser may call. */
export interface BrowserRules {
  /** Host names beside those of loopback, without a port. */
  readonly publicHosts: readonly string[];
  /** Origins that may call from a browser, `https://host[:port]`. */
  readonly allowedOrigins: readonly string[];
}

const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?$/i;

/**
 * Refuses a `Host` that is not served here (DNS rebinding).
 *
 * @returns the header
 * @throws SecurityError `MISDIRECTED_REQUEST`
 */
export function checkHost(request: ServiceRequest, rules: Pick<BrowserRules, 'publicHosts'>): string {
  const { host = '' } = request.headers;
  const name = HOST.exec(host)?.[1]?.toLowerCase();
  if (name === undefined || request.headerCount('host') !== 1 || !isServed(name, rules))
    throw new SecurityError('MISDIRECTED_REQUEST');
  return host;
}

/**
 * Refuses what a web page could make a browser send: a foreign `Host` (DNS rebinding), a foreign `Origin`, a
 * cross-site fetch (Fetch Metadata).
 *
 * @throws SecurityError `MISDIRECTED_REQUEST` or `ORIGIN_FORBIDDEN`
 */
export function checkBrowserRules(request: ServiceRequest, rules: BrowserRules): void {
  const host = checkHost(request, rules);
  const { origin } = request.headers;
  const sameOrigin = `${request.encrypted ? 'https' : 'http'}://${host}`.toLowerCase();
  if (origin !== undefined && origin.toLowerCase() !== sameOrigin && !rules.allowedOrigins.includes(origin))
    throw new SecurityError('ORIGIN_FORBIDDEN');
  if (origin === undefined && request.headers['sec-fetch-site'] === 'cross-site')
    throw new SecurityError('ORIGIN_FORBIDDEN');
}

/** Whether a browser sent the request: then no ambient credential counts and `Basic` is not offered. */
export function isFromBrowser(request: ServiceRequest): boolean {
  if (request.headers.origin !== undefined) return true;
  for (const name in request.headers) if (name.startsWith('sec-fetch-')) return true;
  return false;
}

/**
 * Whether a page or a navigation made the request, by what every browser sends and other clients, such as Node's `fetch`,
 * do not: the certificate that the browser attached by itself says nothing of who wants it.
 */
export function isFromPage({ headers }: Pick<ServiceRequest, 'headers'>): boolean {
  return headers.origin !== undefined || headers['sec-fetch-site'] !== undefined;
}

/** The CORS headers for an allowed foreign origin; none for any other. No credentials mode: there are no cookies. */
export function corsHeaders(request: ServiceRequest, rules: BrowserRules): Readonly<Record<string, string>> {
  const { origin } = request.headers;
  if (origin === undefined || !rules.allowedOrigins.includes(origin)) return {};
  return {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': 'audit-id, retry-after, www-authenticate',
    vary: 'Origin',
  };
}

/** The answer to a preflight of an allowed origin (Fetch section 3.2.2). */
export function preflightHeaders(
  request: ServiceRequest,
  rules: BrowserRules,
): Readonly<Record<string, string>> {
  const cors = corsHeaders(request, rules);
  if (Object.keys(cors).length === 0) return {};
  return {
    ...cors,
    'access-control-allow-methods': 'POST, GET',
    'access-control-allow-headers':
      'authorization, content-type, dpop, traceparent, apollo-require-preflight, x-apollo-operation-name',
    'access-control-max-age': '600',
  };
}

function isServed(name: string, rules: Pick<BrowserRules, 'publicHosts'>): boolean {
  return LOOPBACK_HOSTS.has(name) || rules.publicHosts.includes(name);
}
