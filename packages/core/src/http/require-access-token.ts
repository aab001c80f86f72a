import { SecurityError } from '../errors/security-error.ts';
import type { VerifiedToken } from '../tokens/access-token.ts';
import { requireBinding } from '../tokens/require-binding.ts';
import type { VerifyAccessToken } from '../tokens/verify-access-token.ts';
import type { VerifyDpopProof } from '../tokens/verify-dpop-proof.ts';
import type { ServiceRequest } from './route.ts';

/** What a token must have beside being valid, and how it may be sent. */
export interface AccessTokenRules {
  /** Scopes of which the token must carry every one. */
  readonly scopes?: readonly string[];
  /** Whether a token that is bound to nothing is refused; default: wherever the connection is encrypted. */
  readonly bindingRequired?: boolean;
  /** Without it no DPoP token is accepted. */
  readonly dpop?: {
    readonly verify: VerifyDpopProof;
    /** The endpoint as its clients call it. */
    readonly url: string;
  };
}

type TokenRequest = Pick<ServiceRequest, 'method' | 'headers' | 'headerCount' | 'peer' | 'encrypted'>;

/** What an Authorization header holds. */
export interface ShownToken {
  readonly scheme: 'bearer' | 'dpop';
  readonly token: string;
}

/**
 * The verified access token of a request (RFC 6750 section 2.1, RFC 9449 section 7.1), sent by whom it is bound to.
 *
 * @throws SecurityError `UNAUTHENTICATED` without a token, `BAD_REQUEST` for two, `invalid_token`, `invalid_dpop_proof`,
 * `insufficient_scope`
 */
export async function requireAccessToken(
  request: TokenRequest,
  verify: VerifyAccessToken,
  rules: AccessTokenRules = {},
): Promise<VerifiedToken> {
  const shown = shownToken(request);
  if (shown === undefined) throw new SecurityError('UNAUTHENTICATED', { detail: 'no access token' });
  const verified = await verify(shown.token);
  const dpopThumbprint = await provePossession(request, shown, rules.dpop, verified.claims.cnf?.jkt);
  requireBinding(
    verified,
    { certificateThumbprint: request.peer?.thumbprint, dpopThumbprint },
    rules.bindingRequired ?? request.encrypted,
  );
  const missing = rules.scopes?.filter((scope) => !verified.scopes.has(scope)) ?? [];
  if (missing.length > 0)
    throw new SecurityError('insufficient_scope', { detail: `lacks ${missing.join(' ')}` });
  return verified;
}

/**
 * The token of a Bearer or DPoP header; undefined where there is none.
 *
 * @throws SecurityError `BAD_REQUEST` for two Authorization headers
 */
export function shownToken(request: Pick<ServiceRequest, 'headers' | 'headerCount'>): ShownToken | undefined {
  if (request.headerCount('authorization') > 1)
    throw new SecurityError('BAD_REQUEST', { detail: 'two Authorization headers' });
  const [, scheme, token] = /^(bearer|dpop) +([^\s]+) *$/i.exec(request.headers.authorization ?? '') ?? [];
  if (token === undefined) return undefined;
  return { scheme: scheme?.toLowerCase() === 'dpop' ? 'dpop' : 'bearer', token };
}

/**
 * The thumbprint of the key whose possession the request proves; undefined for a Bearer token.
 *
 * @param thumbprint of the key that the token is bound to
 * @throws SecurityError `invalid_dpop_proof` for a DPoP token without exactly one good proof, `invalid_token` where it is
 * bound to no key or to another one
 */
export async function provePossession(
  request: Pick<ServiceRequest, 'method' | 'headers' | 'headerCount'>,
  { scheme, token }: ShownToken,
  dpop: AccessTokenRules['dpop'],
  thumbprint: string | undefined,
): Promise<string | undefined> {
  if (scheme === 'bearer') return undefined;
  const { dpop: proof } = request.headers;
  if (dpop === undefined) throw new SecurityError('UNAUTHENTICATED', { detail: 'DPoP is not accepted here' });
  if (request.headerCount('dpop') !== 1 || typeof proof !== 'string')
    throw new SecurityError('invalid_dpop_proof', { detail: 'not exactly one DPoP header' });
  if (thumbprint === undefined)
    throw new SecurityError('invalid_token', { detail: 'a DPoP proof beside a token without jkt' });
  return dpop.verify(proof, { method: request.method, url: dpop.url, accessToken: token, thumbprint });
}
