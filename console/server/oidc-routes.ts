import { SecurityError } from '@aduana/core/errors/security-error';
import type { Route, ServiceRequest, ServiceResponse } from '@aduana/core/http/route';
import { describeError, type Log } from '@aduana/core/platform/log';
import type { ConsoleRoute } from './console-route.ts';
import type { Login } from './login.ts';
import { LOGIN_LIFE_SECONDS, type OidcLogin } from './oidc-login.ts';
import { clearedCookie, loginCookie, readCookie } from './session-cookie.ts';
import type { SessionRecords } from './session-records.ts';

export interface OidcRoutesOptions {
  readonly route: ConsoleRoute;
  /** Undefined: there is no provider. */
  readonly oidc: OidcLogin | undefined;
  readonly login: Login;
  readonly records: SessionRecords;
  readonly log: Log;
}

const CALLBACK = '/login/callback';

/** Login at an OpenID provider. */
export function createOidcRoutes(options: OidcRoutesOptions): readonly Route[] {
  const { route, oidc } = options;
  if (oidc === undefined) return [];
  return [
    route({ method: 'GET', path: '/login/oidc' }, 'navigation', async (request) => {
      try {
        const { url, cookie } = await oidc.begin(`${originOf(request)}${CALLBACK}`);
        return redirect(url, [loginCookie(cookie, request.encrypted, LOGIN_LIFE_SECONDS)]);
      } catch (error) {
        return failed(error, request, options);
      }
    }),
    route({ method: 'GET', path: CALLBACK }, 'navigation', (request) => finish(oidc, request, options)),
  ];
}

async function finish(
  oidc: OidcLogin,
  request: ServiceRequest,
  options: OidcRoutesOptions,
): Promise<ServiceResponse> {
  const { login } = options;
  try {
    const answer = new URL(`${originOf(request)}${CALLBACK}?${request.query.toString()}`);
    const { idToken, expiresAt } = await oidc.finish(answer, readCookie(request, 'login'));
    const signedIn = await login.prove({ method: 'oidc', subjectToken: idToken, proofs: [], expiresAt });
    return redirect('/', [await login.open(signedIn, request), clearedCookie('login', request.encrypted)]);
  } catch (error) {
    return failed(error, request, options);
  }
}

/** Back to the login page, which shows the code; why is in the log. */
async function failed(
  error: unknown,
  request: ServiceRequest,
  { records, log }: OidcRoutesOptions,
): Promise<ServiceResponse> {
  if (!(error instanceof SecurityError)) throw error;
  log.warn('a login at the OpenID provider failed', { error: describeError(error) });
  if (error.status < 500) await records.refused('a login at the provider that does not hold', request);
  return redirect(`/login?error=${error.code}`, [clearedCookie('login', request.encrypted)]);
}

function redirect(location: string, cookies: readonly string[]): ServiceResponse {
  return {
    status: 302,
    headers: {
      location,
      'set-cookie': cookies,
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
    },
  };
}

/** The host has been checked against those that are served. */
function originOf({ encrypted, headers }: ServiceRequest): string {
  return `${encrypted ? 'https' : 'http'}://${headers.host ?? ''}`;
}
