import type { Route, ServiceRequest, ServiceResponse } from '@aduana/core/http/route';
import { z } from 'zod';
import { type CallerGateway, isSignedOut } from './caller-gateway.ts';
import type { ConsoleRoute } from './console-route.ts';
import { readJson } from './read-json.ts';
import type { RequireSession } from './require-session.ts';
import type { Session } from './session.ts';
import { clearedCookie } from './session-cookie.ts';
import type { SessionStore } from './session-store.ts';
import { SecurityError } from '@aduana/core/errors/security-error';

export interface SessionRoutesOptions {
  readonly route: ConsoleRoute;
  readonly sessions: SessionStore;
  readonly requireSession: RequireSession;
  readonly gateway: CallerGateway;
  /** Whether there is a provider to sign in with. */
  readonly oidc: boolean;
}

const BODY_BYTES = 1_024;
const LOGOUT = z.object({ everywhere: z.boolean().default(false) });

/** Who is signed in, and the end of it. */
export function createSessionRoutes(options: SessionRoutesOptions): readonly Route[] {
  const { route, sessions, requireSession } = options;
  return [
    route({ method: 'GET', path: '/session' }, 'data', (request) => show(request, options)),
    route({ method: 'POST', path: '/logout' }, 'data', async (request) => {
      const { everywhere } = await readJson(request, LOGOUT, BODY_BYTES);
      const session = await requireSession(request);
      if (everywhere) sessions.endSubject(session.issuer, session.subject, 'logout');
      else sessions.end(session, 'logout');
      return {
        status: 204,
        headers: {
          'cache-control': 'no-store',
          'set-cookie': clearedCookie('session', request.encrypted),
        },
      };
    }),
  ];
}

async function show(
  request: ServiceRequest,
  { requireSession, sessions, gateway, oidc }: SessionRoutesOptions,
): Promise<ServiceResponse> {
  let session: Session;
  try {
    session = await requireSession(request, false);
  } catch (error) {
    if (!(error instanceof SecurityError) || error.status !== 401) throw error;
    return json(401, { error: error.code, code: error.code, error_description: error.message, oidc });
  }
  try {
    const { claims } = await gateway.tokenOf(session);
    return json(200, {
      subject: session.subject,
      issuer: session.issuer,
      clientId: claims.client_id,
      roles: claims.roles,
      permissions: claims.scope.split(' ').filter((scope) => scope !== ''),
      authenticationMethod: claims.amr[0] ?? 'unknown',
      expiresAt: new Date(session.expiresAt).toISOString(),
      idleEndsAt: new Date(session.idleEndsAt).toISOString(),
      csrf: null,
      language: languageOf(request),
    });
  } catch (error) {
    if (isSignedOut(error)) sessions.end(session, 'refused');
    throw error;
  }
}

/** The first language of ours that the browser asks for. */
function languageOf({ headers }: ServiceRequest): 'en' | 'es' {
  const asked = (headers['accept-language'] ?? '').slice(0, 256).split(',');
  const known = asked.map((one) => one.trim().slice(0, 2).toLowerCase());
  return known.find((one) => one === 'en' || one === 'es') === 'es' ? 'es' : 'en';
}

function json(status: number, body: unknown): ServiceResponse {
  return {
    status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      vary: 'Accept-Language, Cookie',
    },
    body: JSON.stringify(body),
  };
}
