import { SecurityError } from '@aduana/core/errors/security-error';
import { requireAccessToken, shownToken } from '@aduana/core/http/require-access-token';
import type { Route, ServiceRequest } from '@aduana/core/http/route';
import { Secret } from '@aduana/core/secrets/secret';
import type { VerifyAccessToken } from '@aduana/core/tokens/verify-access-token';
import { z } from 'zod';
import type { ConsoleRoute } from './console-route.ts';
import type { Login } from './login.ts';
import { LINK_LIFE_MS, type OneTimeLinks } from './one-time-links.ts';
import { readJson } from './read-json.ts';
import type { SessionRecords } from './session-records.ts';

export interface LinkRoutesOptions {
  readonly route: ConsoleRoute;
  readonly links: OneTimeLinks;
  readonly login: Login;
  readonly records: SessionRecords;
  /** Of access tokens for the audience `console`. */
  readonly verify: VerifyAccessToken;
  /** Where browsers of this machine find the console. */
  readonly origin: string;
}

const BODY_BYTES = 4_096;
const CODE = z.object({ code: z.string().min(1).max(256) });
const LOOPBACK: readonly string[] = ['127.0.0.1', '::1', '::ffff:127.0.0.1'];
const NO_STORE = { 'cache-control': 'no-store' } as const;

/** Login by one-time link, for whoever holds a service's certificate on this machine. */
export function createLinkRoutes(options: LinkRoutesOptions): readonly Route[] {
  const { route, links, login, records } = options;
  return [
    {
      method: 'POST',
      path: '/login/links',
      handle: (request) => addLink(request, options),
    },
    route({ method: 'POST', path: '/login/link' }, 'data', async (request) => {
      const { code } = await readJson(request, CODE, BODY_BYTES);
      const signedIn = isLocal(request) ? links.take(code) : undefined;
      if (signedIn === undefined) {
        await records.refused('a link that is unknown, used or too old', request);
        throw new SecurityError('LINK_INVALID');
      }
      return {
        status: 204,
        headers: { ...NO_STORE, 'set-cookie': await login.open(signedIn, request) },
      };
    }),
  ];
}

/** Takes a token for the console from the service whose certificate it is bound to, and no browser. */
async function addLink(request: ServiceRequest, { verify, login, links, origin }: LinkRoutesOptions) {
  if (!isLocal(request) || !request.encrypted || request.headers.origin !== undefined)
    throw new SecurityError('NOT_FOUND');
  const verified = await requireAccessToken(request, verify, { bindingRequired: true });
  const token = shownToken(request)?.token ?? '';
  const signedIn = await login.prove({
    method: 'link',
    subjectToken: Secret.of(token),
    proofs: [verified],
    expiresAt: verified.claims.exp * 1000,
  });
  // Behind the `#`, the code reaches no server's log and no `Referer`.
  const url = `${origin}/login#code=${links.add(signedIn)}`;
  return {
    status: 201,
    headers: { ...NO_STORE, 'content-type': 'application/json; charset=utf-8' },
    body: JSON.stringify({ url, expiresInSeconds: LINK_LIFE_MS / 1000 }),
  };
}

function isLocal({ remoteAddress }: ServiceRequest): boolean {
  return LOOPBACK.includes(remoteAddress);
}
