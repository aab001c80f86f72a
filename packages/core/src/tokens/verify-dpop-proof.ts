import { calculateJwkThumbprint, EmbeddedJWK, type JWK, jwtVerify } from 'jose';
import { SecurityError } from '../errors/security-error.ts';
import type { Clock } from '../platform/clock.ts';
import { constantTimeEqual, hmacSha256, sha256Base64url } from '../platform/digest.ts';
import { random } from '../platform/ids.ts';
import { readCompactJws } from './read-compact-jws.ts';
import { isWithinRsaBounds } from './rsa-bounds.ts';

/** The request that a proof was made for. */
export interface ProvedRequest {
  /** The HTTP method, in upper case. */
  readonly method: string;
  /** As the client called it; query and fragment do not count. */
  readonly url: string;
  /** The token that is sent beside the proof; absent at the token endpoint. */
  readonly accessToken?: string | undefined;
  /** The thumbprint of the key that this token is bound to: any other key is refused before its signature is verified. */
  readonly thumbprint?: string | undefined;
}

/** How proofs are remembered, so that each is accepted once. */
export interface DpopVerifierOptions {
  readonly clock: Clock;
  /**
   * Marks an id as used until `expiresAt` (milliseconds since the epoch).
   *
   * @returns false when it was used before
   */
  readonly spend: (id: string, expiresAt: number) => Promise<boolean> | boolean;
  /**
   * Where ids are forgotten with the process: when that began, in milliseconds since the epoch. A proof that was made before
   * may have been used, and is refused.
   */
  readonly rememberedSince?: number | undefined;
}

/**
 * Verifies a DPoP proof (RFC 9449 section 4.3) and spends its `jti`.
 *
 * @returns the RFC 7638 thumbprint of its key
 * @throws SecurityError `invalid_dpop_proof`; `invalid_token` where the token is bound to another key; `use_dpop_nonce` for a nonce that is not of the last minutes, with the
 * one to use in `extensions.nonce`
 */
export type VerifyDpopProof = (proof: string, request: ProvedRequest) => Promise<string>;

/** The algorithms that a proof may be signed with: asymmetric ones alone (RFC 9449 section 4.3). */
export const DPOP_ALGORITHMS = ['ES256', 'ES384', 'ES512', 'EdDSA', 'RS256', 'PS256'] as const;

const LONGEST_AGE_SECONDS = 60;
const SKEW_SECONDS = 5;
const LONGEST_JTI = 256;
const NONCE_WINDOW_MS = 300_000;
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/** The verifier of DPoP proofs; one proof is accepted once. */
export function createDpopVerifier({ clock, spend, rememberedSince }: DpopVerifierOptions): VerifyDpopProof {
  const earliest = Math.floor((rememberedSince ?? -Infinity) / 1000);
  const nonceKey = random(32);
  const nonceOf = (window: number): string =>
    hmacSha256(nonceKey, String(window)).subarray(0, 16).toString('base64url');

  const checkNonce = (nonce: unknown): void => {
    if (nonce === undefined) return;
    const window = Math.floor(clock.now() / NONCE_WINDOW_MS);
    const known = [window, window - 1].some(
      (one) => typeof nonce === 'string' && constantTimeEqual(nonce, nonceOf(one)),
    );
    if (!known) throw new SecurityError('use_dpop_nonce', { extensions: { nonce: nonceOf(window) } });
  };

  return async (proof, request) => {
    const jwk = readProofKey(proof);
    const jkt = await thumbprintOf(jwk);
    if (request.thumbprint !== undefined && !constantTimeEqual(jkt, request.thumbprint))
      throw new SecurityError('invalid_token', { detail: 'the token is bound to another DPoP key' });
    const payload = await verifySignature(proof, clock);
    const { htm, htu, iat, jti, ath, nonce } = payload;
    const now = clock.now() / 1000;
    if (htm !== request.method) throw refuse('htm');
    if (typeof htu !== 'string' || normalise(htu) !== normalise(request.url)) throw refuse('htu');
    if (typeof iat !== 'number' || iat > now + SKEW_SECONDS || iat < now - LONGEST_AGE_SECONDS)
      throw refuse('iat');
    if (iat < earliest) throw refuse('made before what this process remembers');
    if (typeof jti !== 'string' || jti === '' || jti.length > LONGEST_JTI) throw refuse('jti');
    const expected = request.accessToken === undefined ? undefined : sha256Base64url(request.accessToken);
    if (expected !== undefined && (typeof ath !== 'string' || !constantTimeEqual(ath, expected)))
      throw refuse('ath');
    checkNonce(nonce);
    const expiresAt = (iat + LONGEST_AGE_SECONDS + SKEW_SECONDS) * 1000;
    if (!(await spend(sha256Base64url(JSON.stringify([jkt, jti])), expiresAt))) throw refuse('jti was used');
    return jkt;
  };
}

/** The public key in the header of a proof whose form has been checked (RFC 9449 section 4.2). */
function readProofKey(proof: string): JWK {
  const header = readCompactJws(proof, 'embedded');
  if ('refused' in header) throw refuse(header.refused);
  if (header.typ !== 'dpop+jwt') throw refuse('typ');
  if (!DPOP_ALGORITHMS.some((algorithm) => algorithm === header.alg)) throw refuse('algorithm');
  const { jwk } = header;
  if (typeof jwk !== 'object' || jwk === null) throw refuse('no key');
  if (PRIVATE_MEMBERS.some((member) => member in jwk)) throw refuse('a key with private members');
  if (!isWithinRsaBounds(jwk)) throw refuse('an RSA key outside the bounds');
  return jwk;
}

function thumbprintOf(jwk: JWK): Promise<string> {
  return calculateJwkThumbprint(jwk, 'sha256').catch((error: unknown) => {
    throw refuse('no usable key', error);
  });
}

async function verifySignature(proof: string, clock: Clock) {
  const { payload } = await jwtVerify(proof, EmbeddedJWK, {
    algorithms: [...DPOP_ALGORITHMS],
    typ: 'dpop+jwt',
    currentDate: new Date(clock.now()),
    clockTolerance: SKEW_SECONDS,
  }).catch((error: unknown) => {
    throw refuse((error as { code?: string }).code ?? 'signature', error);
  });
  return payload;
}

/** Without query and fragment, normalised (RFC 9449 section 4.3, RFC 3986 section 6.2). */
function normalise(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

function refuse(detail: string, cause?: unknown): SecurityError {
  return new SecurityError('invalid_dpop_proof', { detail, cause });
}
