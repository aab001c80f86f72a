import { type JWTPayload, jwtVerify } from 'jose';
import { SecurityError } from '../errors/security-error.ts';
import type { KeySource } from './key-source.ts';
import { readCompactJws } from './read-compact-jws.ts';

/** What a JWT must meet to be accepted. */
export interface SignedJwtRules {
  /** Accepted `typ` values in lower case without `application/`; undefined: an absent one. */
  readonly types: readonly (string | undefined)[];
  /** The allow list; each key is pinned to one of them besides. */
  readonly algorithms: readonly string[];
  readonly keys: KeySource;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** How far the clock of the issuer may differ. */
  readonly toleranceSeconds: number;
  /** Whether a JWT without `exp` is accepted; what bounds its life is then the caller's to check. Default: it is not. */
  readonly expiryOptional?: boolean;
}

/** A JWT whose signature and times have been verified. */
export interface SignedJwt {
  readonly kid: string;
  readonly payload: JWTPayload;
}

/**
 * Verifies form, type, algorithm, key, signature, `exp`, `nbf` and `iat` of a JWT (RFC 7519 section 7.2, RFC 8725
 * section 3); what its claims mean is the caller's to check.
 *
 * @throws SecurityError `invalid_token`; whatever `keys` throws
 */
export async function verifySignedJwt(token: string, rules: SignedJwtRules): Promise<SignedJwt> {
  const header = readCompactJws(token);
  if ('refused' in header) throw invalidToken(header.refused);
  if (!rules.types.includes(header.typ)) throw invalidToken('typ');
  if (!rules.algorithms.includes(header.alg)) throw invalidToken('algorithm');
  const key = await rules.keys.find(header.kid);
  if (key === undefined) throw invalidToken('unknown kid');
  if (key.algorithm !== header.alg) throw invalidToken('the key has another algorithm');
  const { payload } = await jwtVerify(token, key.key, {
    algorithms: [key.algorithm],
    currentDate: new Date(rules.now),
    clockTolerance: rules.toleranceSeconds,
  }).catch((error: unknown) => {
    throw invalidToken((error as { code?: string }).code ?? 'signature', error);
  });
  if (typeof payload.exp !== 'number' && rules.expiryOptional !== true) throw invalidToken('no exp');
  if (payload.iat !== undefined && payload.iat > rules.now / 1000 + rules.toleranceSeconds)
    throw invalidToken('issued in the future');
  return { kid: header.kid, payload };
}

/** What a JWT claims before anything of it has been verified; an empty object where it claims nothing. */
export function readUnverifiedClaims(token: string): JWTPayload {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    return typeof parsed === 'object' && parsed !== null ? (parsed as JWTPayload) : {};
  } catch {
    return {};
  }
}

/** The refusal of a token; `detail` goes to the logs alone, a caller learns no reason. */
export function invalidToken(detail: string, cause?: unknown): SecurityError {
  return new SecurityError('invalid_token', { detail, cause });
}
