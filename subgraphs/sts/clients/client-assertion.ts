import { jwtVerify } from 'jose';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Engine } from '@aduana/core/iam/compile';
import type { Clock } from '@aduana/core/platform/clock';
import { sha256Base64url } from '@aduana/core/platform/digest';
import type { Database } from '@aduana/core/store/database';
import type { VerificationKey } from '@aduana/core/tokens/key-source';
import { parseJwkSet } from '@aduana/core/tokens/parse-jwk-set';
import { readCompactJws } from '@aduana/core/tokens/read-compact-jws';

export interface ClientAssertions {
  /**
   * Verifies a `private_key_jwt` (RFC 7523 section 3) and spends its `jti`.
   *
   * @param clientId the form's `client_id`, which must agree where it is sent
   * @returns the id of the service, or undefined for an assertion that does not hold
   * @throws SecurityError `STORE_UNAVAILABLE` where it cannot be known whether it was used before
   */
  verify(assertion: string, clientId: string | undefined): Promise<string | undefined>;
}

export interface ClientAssertionOptions {
  readonly policies: () => Engine;
  readonly database: Database;
  readonly clock: Clock;
  /** The only accepted audience. */
  readonly issuer: string;
}

/** Asymmetric algorithms alone; each key is pinned to one of them. */
export const ASSERTION_ALGORITHMS = ['ES256', 'ES384', 'ES512', 'EdDSA', 'RS256', 'PS256'] as const;

const TYPES = new Set([undefined, 'jwt', 'client-authentication+jwt']);
const LONGEST_LIFE_SECONDS = 300;
const SKEW_SECONDS = 30;
const LONGEST_JTI = 256;

export function createClientAssertions(options: ClientAssertionOptions): ClientAssertions {
  const { policies, database, clock, issuer } = options;

  const keyOf = async (service: string, kid: string, alg: string): Promise<VerificationKey | undefined> => {
    const jwks = policies().services.get(service)?.jwks ?? [];
    const keys = await parseJwkSet({ keys: jwks }, ASSERTION_ALGORITHMS).catch(() => undefined);
    const key = keys?.get(kid);
    return key?.algorithm === alg ? key : undefined;
  };
  const spend = async (service: string, jti: string, expiresAt: number): Promise<boolean> => {
    const { affected } = await database.query(
      'INSERT INTO seen_assertions (id, expires_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING',
      [sha256Base64url(JSON.stringify([service, jti])), expiresAt],
    );
    return affected === 1;
  };

  return {
    async verify(assertion, clientId) {
      const header = readCompactJws(assertion);
      if ('refused' in header || !TYPES.has(header.typ)) return undefined;
      const claimed = readClaims(assertion);
      const { iss, sub, aud, jti, exp, iat } = claimed;
      if (typeof iss !== 'string' || iss !== sub || (clientId ?? iss) !== iss) return undefined;
      if (aud !== issuer || typeof jti !== 'string' || jti === '' || jti.length > LONGEST_JTI)
        return undefined;
      const now = clock.now() / 1000;
      if (typeof exp !== 'number' || exp > now + LONGEST_LIFE_SECONDS + SKEW_SECONDS) return undefined;
      if (iat !== undefined && (typeof iat !== 'number' || iat > now + SKEW_SECONDS)) return undefined;
      const key = await keyOf(iss, header.kid, header.alg);
      if (key === undefined) return undefined;
      const currentDate = new Date(clock.now());
      const verified = await jwtVerify(assertion, key.key, {
        algorithms: [key.algorithm],
        clockTolerance: SKEW_SECONDS,
        currentDate,
      }).catch(() => undefined);
      if (verified === undefined) return undefined;
      return (await spend(iss, jti, (exp + SKEW_SECONDS) * 1000)) ? iss : undefined;
    },
  };
}

/** The claims of an assertion whose signature has not been checked yet. */
function readClaims(assertion: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(
      Buffer.from(assertion.split('.')[1] ?? '', 'base64url').toString('utf8'),
    );
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch (error) {
    throw new SecurityError('invalid_client', { detail: 'the assertion holds no JSON', cause: error });
  }
}
