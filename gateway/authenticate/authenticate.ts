import { SecurityError } from '@aduana/core/errors/security-error';
import type { ServiceRequest } from '@aduana/core/http/route';
import { Secret } from '@aduana/core/secrets/secret';
import { isFromBrowser } from '@aduana/core/http/browser-rules';
import type { Authenticated, Credential } from '../stages.ts';

export type Authenticate = (request: ServiceRequest) => Authenticated;

const TOKEN = /^(Bearer|DPoP) +([A-Za-z0-9._~+/=-]+)$/i;
const BASIC = /^Basic +([A-Za-z0-9+/]+=*)$/i;
const CREDENTIAL_LIMIT = 12_288;

/**
 * What the caller shows, in the order of preference: Bearer or DPoP, Basic, client certificate. Nothing is asked of the STS
 * yet and nothing of the body has been parsed.
 *
 * @throws SecurityError `UNAUTHENTICATED` where nothing usable is shown, `BAD_REQUEST` for two `Authorization` headers
 */
export function authenticate(request: ServiceRequest): Authenticated {
  return { stage: 'authenticated', credential: readCredential(request), trace: request.trace };
}

function readCredential(request: ServiceRequest): Credential {
  const { authorization } = request.headers;
  if (request.headerCount('authorization') > 1)
    throw new SecurityError('BAD_REQUEST', { detail: 'two Authorization headers' });
  if (authorization !== undefined) return readAuthorization(authorization);
  if (request.peer !== undefined) {
    if (isFromBrowser(request))
      throw new SecurityError('UNAUTHENTICATED', { detail: 'a certificate that a browser sent' });
    return { kind: 'certificate', chain: request.peer.chain };
  }
  throw new SecurityError('UNAUTHENTICATED', { detail: 'no credentials' });
}

function readAuthorization(header: string): Credential {
  if (header.length > CREDENTIAL_LIMIT)
    throw new SecurityError('UNAUTHENTICATED', { detail: 'oversized credentials' });
  const [, scheme, token] = TOKEN.exec(header) ?? [];
  if (token !== undefined)
    return { kind: scheme?.toLowerCase() === 'dpop' ? 'dpop' : 'bearer', token: Secret.of(token) };
  const basic = BASIC.exec(header)?.[1];
  if (basic !== undefined) return { kind: 'basic', header: Secret.of(`Basic ${basic}`) };
  throw new SecurityError('UNAUTHENTICATED', { detail: 'an unknown authentication scheme' });
}
