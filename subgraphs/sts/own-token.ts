import { Secret } from '@aduana/core/secrets/secret';
import { createBoundedCache } from '@aduana/core/platform/bounded-cache';
import { type Clock, epochSeconds } from '@aduana/core/platform/clock';
import type { StatusView } from '@aduana/core/status/status-entry';
import { createSingleFlight } from '@aduana/core/platform/single-flight';
import { grantableScopes } from '@aduana/server-kit/iam/grants';
import type { Engine } from '@aduana/server-kit/iam/compile';
import { DEFAULT_LIFETIME_SECONDS } from './token/narrow-scope.ts';
import type { IssueToken } from './token/token-issuer.ts';

export interface OwnTokenOptions {
  readonly issuer: string;
  readonly policies: () => Engine;
  /** An issuer whose audit events are not waited for: the token is what the log is written with. */
  readonly issue: IssueToken;
  readonly ownThumbprint: () => string;
  readonly status: Pick<StatusView, 'isSubjectRevoked'>;
  readonly clock: Clock;
}

interface Kept {
  readonly token: Secret;
  /** Seconds since the epoch. */
  readonly issuedAt: number;
}

/** The STS's tokens for the services that it calls itself, kept until half of their life. */
export function createOwnToken(options: OwnTokenOptions): (audience: string) => Promise<Secret> {
  const { issuer, policies, issue, ownThumbprint, status, clock } = options;
  const kept = createBoundedCache<Kept>(clock, 8);
  const once = createSingleFlight<Secret>();
  return async (audience) => {
    const key = `${audience} ${ownThumbprint()}`;
    const known = kept.get(key);
    if (known !== undefined && !status.isSubjectRevoked(issuer, 'sts', known.issuedAt)) return known.token;
    return once(key, async () => {
      const engine = policies();
      const roles = engine.services.get('sts')?.roles ?? [];
      const now = epochSeconds(clock);
      const grant = {
        aud: audience,
        sub: 'sts',
        client_id: 'sts',
        exp: now + DEFAULT_LIFETIME_SECONDS,
        scope: grantableScopes(engine, roles).join(' '),
        roles,
        amr: ['tls_client_auth'],
        auth_time: now,
        sub_kind: 'service',
        sub_iss: issuer,
        cnf: { 'x5t#S256': ownThumbprint() },
      } as const;
      const { token: text } = await issue('token.issue', grant, undefined);
      const token = Secret.of(text);
      kept.set(key, { token, issuedAt: now }, clock.now() + DEFAULT_LIFETIME_SECONDS * 500);
      return token;
    });
  };
}
