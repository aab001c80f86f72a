import { SERVICE_SETTINGS, type ServiceSettings } from '@aduana/server-kit/config/service-settings';
import { checked, choice, countOrOff, duration, portOrOff } from '@aduana/server-kit/config/variable';
import { ConfigurationError, type ConfigurationProblem } from '@aduana/core/errors/configuration-error';
import type { RotationTiming } from '@aduana/server-kit/tokens/key-set';
import { SIGNING_ALGORITHMS } from '@aduana/core/tokens/signing-algorithm';
import type { z } from 'zod';
import { JWKS_MAX_AGE_SECONDS, LONGEST_KEY_STALENESS_MS } from './keys/key-ring.ts';
import { DEFAULT_LIFETIME_SECONDS } from './token/narrow-scope.ts';

/** What the STS reads of the environment. */
export const STS_SETTINGS = {
  ...SERVICE_SETTINGS,
  ANONYMOUS_EVENTS_PER_MINUTE: countOrOff(1200),
  /** Tokens of one client for one subject, at one replica. */
  TOKEN_RATE_PER_MINUTE: countOrOff(12_000),
  /** Of one transmitter, at one replica. */
  SECURITY_EVENT_RATE_PER_MINUTE: countOrOff(12_000),
  /** Where transmitters of security events push, who have no client certificate. */
  SSF_PORT: portOrOff('off'),
  SIGNING_ALGORITHM: choice(SIGNING_ALGORITHMS, 'ES256'),
  /** Where the private parts of new signing keys are. */
  SIGNING_KEYS: choice(['store', 'vault_transit', 'aws_kms'], 'store'),
  /** How long a key is published before a scheduled rotation lets it sign. */
  SIGNING_KEY_LEAD: duration(20 * 60_000),
  /** How long a key that signs no more stays published. */
  SIGNING_KEY_HOLD: duration(30 * 60_000),
  /** The state of a damaged status feed with which the STS goes on. */
  STATUS_FEED_ACCEPT: checked((value) =>
    /^[\w-]{43}$/.test(value) ? undefined : 'is not what a refused start has printed',
  ),
} as const;

export type StsSettings = z.output<z.ZodObject<typeof STS_SETTINGS>>;

/** For how long verifiers of other makes keep a JWKS whatever its Cache-Control says (`jose`: 10 min), and pause (30 s). */
const FOREIGN_CACHE_MS = 630_000;
const SKEW_MS = 60_000;

/**
 * The timing of rotations, which must let every token verify from its first second to its last.
 *
 * @throws ConfigurationError with everything that is too short
 */
export function readRotationTiming(settings: StsSettings): RotationTiming {
  const {
    SIGNING_KEY_LEAD: lead,
    SIGNING_KEY_HOLD: hold,
    SIGNING_KEY_ROTATION_INTERVAL: interval,
  } = settings;
  const maxAge = JWKS_MAX_AGE_SECONDS * 1000;
  const leastLead = maxAge + FOREIGN_CACHE_MS + LONGEST_KEY_STALENESS_MS + SKEW_MS;
  const leastHold = DEFAULT_LIFETIME_SECONDS * 1000 + maxAge + LONGEST_KEY_STALENESS_MS + SKEW_MS;
  const problems: ConfigurationProblem[] = [];
  const demand = (name: string, value: number, least: number, why: string): void => {
    if (value < least)
      problems.push({
        subject: name,
        problem: `is shorter than ${String(least / 1000)}s, ${why}`,
        remedy: `Set ${name} to ${String(least / 1000)}s or more`,
      });
  };
  demand('SIGNING_KEY_LEAD', lead, leastLead, 'after which every verifier has seen a new key');
  demand('SIGNING_KEY_HOLD', hold, leastHold, 'after which every token of an old key has expired');
  if (interval !== 'off')
    demand('SIGNING_KEY_ROTATION_INTERVAL', interval, lead + SKEW_MS, 'the lead of the next key');
  if (problems.length > 0) throw new ConfigurationError(problems);
  return { leadMilliseconds: lead, holdMilliseconds: hold };
}

/** How long one key may sign at most: a rotation that fails for so long ends in refusals, not in old keys. */
export function longestSigning({ SIGNING_KEY_ROTATION_INTERVAL: interval }: ServiceSettings): number {
  return interval === 'off' ? Infinity : interval * 2;
}
