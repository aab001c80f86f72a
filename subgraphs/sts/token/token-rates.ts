import type { AuditSink } from '@aduana/client/audit/audit-sink';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Platform } from '@aduana/core/platform/platform';
import { type AnonymousFlood, openAnonymousFlood } from '@aduana/server-kit/audit/anonymous-flood';
import { createInProcessRateCounter } from '@aduana/server-kit/bus/in-process-rate-counter';
import type { TokenGrant } from './token-issuer.ts';

/** How many tokens a client may ask for in a minute. */
export interface TokenRates {
  /**
   * Counts one token of this replica for its client and subject.
   *
   * @throws SecurityError `slow_down`, with when to try again
   */
  take(grant: Pick<TokenGrant, 'client_id' | 'sub' | 'sub_iss'>): Promise<void>;
  /** Of its refusals: a client that goes on asking does not fill the log. */
  readonly flood: AnonymousFlood;
}

export interface TokenRateSettings {
  readonly TOKEN_RATE_PER_MINUTE: number | 'off';
  readonly ANONYMOUS_EVENTS_PER_MINUTE: number | 'off';
}

const MINUTE_MS = 60_000;

/** A client that acts for others has the same rate for each of its subjects. */
export function createTokenRates(
  { TOKEN_RATE_PER_MINUTE: perMinute, ANONYMOUS_EVENTS_PER_MINUTE: eventsPerMinute }: TokenRateSettings,
  audit: AuditSink,
  platform: Pick<Platform, 'clock' | 'log'>,
): TokenRates {
  const counter = createInProcessRateCounter(platform.clock);
  return {
    flood: openAnonymousFlood(eventsPerMinute, audit, platform),
    async take({ client_id: client, sub, sub_iss: issuer }) {
      if (perMinute === 'off') return;
      const key = JSON.stringify([client, issuer, sub]);
      const { allowed, retryAfterMilliseconds } = await counter.take(key, perMinute, MINUTE_MS);
      if (!allowed)
        throw new SecurityError('slow_down', {
          detail: 'more tokens for this subject than TOKEN_RATE_PER_MINUTE',
          retryAfterSeconds: Math.ceil(retryAfterMilliseconds / 1000),
        });
    },
  };
}
