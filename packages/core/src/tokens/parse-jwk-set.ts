import { importJWK, type JWK } from 'jose';
import type { VerificationKey } from './key-source.ts';
import { isWithinRsaBounds } from './rsa-bounds.ts';

const KEY_TYPES: Readonly<Record<string, { readonly kty: string; readonly crv?: string }>> = {
  ES256: { kty: 'EC', crv: 'P-256' },
  ES384: { kty: 'EC', crv: 'P-384' },
  ES512: { kty: 'EC', crv: 'P-521' },
  EdDSA: { kty: 'OKP', crv: 'Ed25519' },
  RS256: { kty: 'RSA' },
  PS256: { kty: 'RSA' },
};
const MAX_KEYS = 256;
const MAX_KID_LENGTH = 256;

/**
 * The usable signature keys of a JWK set (RFC 7517 section 5), by kid; others are passed over.
 *
 * @param algorithms the allow list; a key without `alg` is pinned to the first one that fits its type
 * @throws TypeError when it is no JWK set, or holds private or symmetric keys
 */
export async function parseJwkSet(
  document: unknown,
  algorithms: readonly string[],
): Promise<ReadonlyMap<string, VerificationKey>> {
  const keys = (document as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys) || keys.length > MAX_KEYS) throw new TypeError('not a JWK set');
  const found = new Map<string, VerificationKey>();
  for (const jwk of keys as (JWK | null)[]) {
    if (typeof jwk !== 'object' || jwk === null) throw new TypeError('not a JWK set');
    if (jwk.d !== undefined || jwk.k !== undefined) throw new TypeError('a JWK set with private members');
    const algorithm = algorithmOf(jwk, algorithms);
    const { kid } = jwk;
    if (algorithm === undefined || typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_LENGTH)
      continue;
    if (!isWithinRsaBounds(jwk)) continue;
    if (found.has(kid)) throw new TypeError('a kid occurs twice');
    const { kty, crv, x, y, n, e } = jwk;
    const members = Object.fromEntries(
      Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined),
    );
    const key = await importJWK(members as JWK, algorithm).catch(() => undefined);
    if (key !== undefined && !(key instanceof Uint8Array)) found.set(kid, { kid, algorithm, key });
  }
  return found;
}

function algorithmOf(jwk: JWK, allowed: readonly string[]): string | undefined {
  if (jwk.use !== undefined && jwk.use !== 'sig') return undefined;
  if (jwk.key_ops !== undefined && !jwk.key_ops.includes('verify')) return undefined;
  const fits = (algorithm: string): boolean => {
    const wanted = KEY_TYPES[algorithm];
    return (
      wanted !== undefined && wanted.kty === jwk.kty && (wanted.crv === undefined || wanted.crv === jwk.crv)
    );
  };
  if (jwk.alg !== undefined) return allowed.includes(jwk.alg) && fits(jwk.alg) ? jwk.alg : undefined;
  return allowed.find(fits);
}
