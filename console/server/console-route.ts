import { SecurityError } from '@aduana/core/errors/security-error';
import { type BrowserRules, checkHost } from '@aduana/core/http/browser-rules';
import type { Route, ServiceRequest, ServiceResponse } from '@aduana/core/http/route';
import { requireNavigation, requireSameOrigin } from './same-origin.ts';
import type { SessionRecords } from './session-records.ts';

/** Who may make a request: a page of this origin, a browser that goes to an address, or one that loads a page's parts. */
export type RequestKind = 'data' | 'navigation' | 'asset';

/** Makes a route behind the rules of its kind; what they refuse is recorded. */
export type ConsoleRoute = (
  route: Pick<Route, 'method' | 'path'>,
  kind: RequestKind,
  handle: (request: ServiceRequest) => Promise<ServiceResponse>,
) => Route;

const RULES = { data: requireSameOrigin, navigation: requireNavigation, asset: checkHost } as const;
const REASONS: Readonly<Record<string, string>> = {
  ORIGIN_FORBIDDEN: 'a request of another origin, or without one',
  MISDIRECTED_REQUEST: 'a host name that is not served',
};

export function createConsoleRoute(browser: BrowserRules, records: SessionRecords): ConsoleRoute {
  return (route, kind, handle) => ({
    ...route,
    async handle(request) {
      try {
        RULES[kind](request, browser);
      } catch (error) {
        const reason = error instanceof SecurityError ? REASONS[error.code] : undefined;
        if (reason !== undefined) await records.refused(reason, request);
        throw error;
      }
      try {
        return await handle(request);
      } catch (error) {
        if (!(error instanceof SecurityError) || error.status !== 401) throw error;
        return unauthenticated(error);
      }
    },
  });
}

/** A 401 offers no scheme: a browser has nothing but its cookie to show here. */
function unauthenticated({ status, code, message }: SecurityError): ServiceResponse {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
    body: JSON.stringify({ error: code, code, error_description: message }),
  };
}
