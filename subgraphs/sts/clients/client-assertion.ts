import type { Engine } from '@aduana/server-kit/iam/compile';
import type { Clock } from '@aduana/core/platform/clock';
import { sha256Base64url } from '@aduana/core/platform/digest';
import type { Database, Queryable } from '@aduana/server-kit/store/database';
import type { KeySource } from '@aduana/core/tokens/key-source';
import { parseJwkSet } from '@aduana/core/tokens/parse-jwk-set';
import { readUnverifiedClaims, verifySignedJwt } from '@aduana/core/tokens/verify-signed-jwt';
import type { AssertionRate } from './assertion-rate.ts';

export interface ClientAssertions {
  /**
   * Verifies a `private_key_jwt` (RFC 7523 section 3) and spends its `jti`.
   *
   * @param clientId the form's `client_id`, which must agree where it is sent
   * @returns the id of the service, or undefined for an assertion that does not hold
   * @throws SecurityError `STORE_UNAVAILABLE` where it cannot be known whether it was used before, `slow_down` for a client
   * beyond its rate
   */
  verify(assertion: string, clientId: string | undefined): Promise<string | undefined>;
}

export interface ClientAssertionOptions {
  readonly policies: () => Engine;
  readonly database: Database;
  readonly clock: Clock;
  /** The only accepted audience. */
  readonly issuer: string;
  readonly rate: AssertionRate;
}

/** Asymmetric algorithms alone; each key is pinned to one of them. */
export const ASSERTION_ALGORITHMS = ['ES256', 'ES384', 'ES512', 'EdDSA', 'RS256', 'PS256'] as const;

const TYPES = [undefined, 'jwt', 'client-authentication+jwt'];
const LONGEST_LIFE_SECONDS = 300;
const SKEW_SECONDS = 30;
const LONGEST_JTI = 256;

export function createClientAssertions(options: ClientAssertionOptions): ClientAssertions {
  const { policies, database, clock, issuer, rate } = options;

  const keysOf = (service: string): KeySource => ({
    async find(kid) {
      const jwks = policies().services.get(service)?.jwks ?? [];
      return (await parseJwkSet({ keys: jwks }, ASSERTION_ALGORITHMS).catch(() => undefined))?.get(kid);
    },
  });
  return {
    async verify(assertion, clientId) {
      const { iss, sub, aud, jti } = readUnverifiedClaims(assertion);
      if (typeof iss !== 'string' || iss !== sub || (clientId ?? iss) !== iss || aud !== issuer)
        return undefined;
      if (typeof jti !== 'string' || jti === '' || jti.length > LONGEST_JTI) return undefined;
      const now = clock.now();
      const exp = await verifySignedJwt(assertion, {
        types: TYPES,
        algorithms: ASSERTION_ALGORITHMS,
        keys: keysOf(iss),
        now,
        toleranceSeconds: SKEW_SECONDS,
      }).then(
        ({ payload }) => payload.exp ?? 0,
        () => undefined,
      );
      if (exp === undefined || exp > now / 1000 + LONGEST_LIFE_SECONDS + SKEW_SECONDS) return undefined;
      const id = sha256Base64url(JSON.stringify([iss, jti]));
      const expiresAt = (exp + SKEW_SECONDS) * 1000;
      return (await rate.spend(iss, () => spendOnce(database, id, expiresAt))) ? iss : undefined;
    },
  };
}

/**
 * Marks an id as used, for all replicas and beyond a restart.
 *
 * @param expiresAt milliseconds since the epoch; the id may be forgotten afterwards
 * @returns false when it was used before
 */
export async function spendOnce(database: Queryable, id: string, expiresAt: number): Promise<boolean> {
  const { affected } = await database.query(
    'INSERT INTO seen_assertions (id, expires_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING',
    [id, expiresAt],
  );
  return affected === 1;
}
