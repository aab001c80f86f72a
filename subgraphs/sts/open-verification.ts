import type { ServicePlatform } from '@aduana/server-kit/http/service-platform';
import { claimsWithin } from '@aduana/server-kit/iam/claims-within';
import type { Engine } from '@aduana/server-kit/iam/compile';
import type { Database } from '@aduana/server-kit/store/database';
import type { StatusReader } from '@aduana/core/status/status-reader';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import { createAccessTokenVerifier, type VerifyAccessToken } from '@aduana/core/tokens/verify-access-token';
import { createDpopVerifier, type VerifyDpopProof } from '@aduana/core/tokens/verify-dpop-proof';
import { createAssertionRate } from './clients/assertion-rate.ts';
import { createAttemptLimit } from './clients/attempt-limit.ts';
import type { ClientAuthenticationOptions } from './clients/authenticate-client.ts';
import { createClientAssertions, spendOnce } from './clients/client-assertion.ts';
import type { ClientSecrets } from './clients/client-secrets.ts';
import { createComparisonTurns } from './clients/comparison-turns.ts';
import type { StsSettings } from './config.ts';
import type { KeyRing } from './keys/key-ring.ts';
import {
  createSecurityEventVerifier,
  type VerifySecurityEventToken,
} from './signals/security-event-token.ts';
import { fetchJwks } from './token/fetch-jwks.ts';
import { createForeignTokenVerifier } from './token/foreign-token.ts';
import { createIssuerKeys } from './token/issuer-keys.ts';
import type { SubjectTokenOptions } from './token/subject-token.ts';

/** How the STS verifies clients, their proofs, and the tokens that it is shown. */
export interface Verification {
  readonly clients: ClientAuthenticationOptions;
  readonly subjects: Omit<SubjectTokenOptions, 'engine'>;
  readonly dpop: VerifyDpopProof;
  /** Of tokens for the audience `sts`. */
  readonly verify: VerifyAccessToken;
  /** Of tokens for any audience. */
  readonly verifyAny: VerifyAccessToken;
  readonly verifySecurityEvent: VerifySecurityEventToken;
}

export interface VerificationOptions {
  readonly settings: StsSettings;
  readonly issuer: string;
  readonly platform: ServicePlatform;
  readonly database: Database;
  readonly policies: () => Engine;
  readonly ring: KeyRing;
  readonly status: StatusReader;
  readonly clientSecrets: ClientSecrets;
}

export function openVerification(options: VerificationOptions): Verification {
  const { settings, issuer, platform, database, policies, ring, status, clientSecrets: secrets } = options;
  const { clock, identity } = platform;
  const limitClaims = (claims: AccessTokenClaims) => claimsWithin(policies(), claims);
  const rules = { issuer, keys: ring, status, clock, limitClaims };
  const verifyAny = createAccessTokenVerifier({ ...rules, audience: undefined });
  const keysOf = createIssuerKeys(platform, fetchJwks);
  const rate = createAssertionRate(settings.TOKEN_RATE_PER_MINUTE, clock);
  const assertions = createClientAssertions({ policies, database, clock, issuer, rate });
  return {
    clients: {
      policies,
      secrets,
      assertions,
      attempts: createAttemptLimit(database, clock),
      turns: createComparisonTurns(clock),
      status,
    },
    subjects: {
      issuer,
      trustDomain: settings.TRUST_DOMAIN,
      clock,
      status,
      verify: verifyAny,
      verifyForeign: createForeignTokenVerifier({ policies, platform, status, keysOf }),
      authorities: () => identity.current().authorities,
    },
    verify: createAccessTokenVerifier({ ...rules, audience: 'sts' }),
    verifyAny,
    verifySecurityEvent: createSecurityEventVerifier({ policies, keysOf, clock }),
    dpop: createDpopVerifier({ clock, spend: (id, expiresAt) => spendOnce(database, id, expiresAt) }),
  };
}
