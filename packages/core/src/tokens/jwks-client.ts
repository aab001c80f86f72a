import { SecurityError } from '../errors/security-error.ts';
import type { Clock } from '../platform/clock.ts';
import { jitter } from '../platform/ids.ts';
import { describeError, type Log } from '../platform/log.ts';
import { createSingleFlight } from '../platform/single-flight.ts';
import type { KeySource, VerificationKey } from './key-source.ts';
import { parseJwkSet } from './parse-jwk-set.ts';

/** One fetched JWK set, and for how long its `Cache-Control` lets it be used. */
export interface FetchedJwks {
  readonly document: unknown;
  /** `max-age` of the answer; undefined where it has none. */
  readonly maxAgeSeconds: number | undefined;
}

/** Where the keys of one issuer are fetched, and which algorithms it may use. */
export interface JwksClientOptions {
  /** One bounded attempt, without redirects. */
  readonly fetch: () => Promise<FetchedJwks>;
  /** The allow list of this issuer. */
  readonly algorithms: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
}

interface Copy {
  readonly keys: ReadonlyMap<string, VerificationKey>;
  /** From here on a use refreshes in the background. */
  readonly refreshAt: number;
  readonly staleAt: number;
}

const MAX_AGE_SECONDS = { least: 30, usual: 300, most: 600 } as const;
/** Attempts that may follow each other at once, and how long one takes to come back. */
const ATTEMPTS = { most: 4, everyMilliseconds: 5_000, firstEveryMilliseconds: 500 } as const;
/** For how long an issuer that has not answered yet may just be starting. */
const PATIENCE_MS = 5_000;
const STALE_ON_ERROR_MS = 3_600_000;

/**
 * A bounded copy of one issuer's JWK set: one fetch at a time, a bounded rate of attempts whatever unknown kids are
 * asked for, a refresh in the background before the copy grows old, and an old copy for at most an hour while the
 * issuer is away. What is revoked comes from the status feed, not by the age of the copy.
 */
export function createJwksClient({ fetch, algorithms, clock, log }: JwksClientOptions): KeySource {
  const once = createSingleFlight<unknown>();
  let copy: Copy | undefined;
  let attempts: number = ATTEMPTS.most;
  const openedAt = clock.monotonic();
  let countedAt = openedAt;

  const attemptsLeft = (): number => {
    const now = clock.monotonic();
    const pause = copy === undefined ? ATTEMPTS.firstEveryMilliseconds : ATTEMPTS.everyMilliseconds;
    attempts = Math.min(ATTEMPTS.most, attempts + (now - countedAt) / pause);
    countedAt = now;
    return attempts;
  };
  const load = async (): Promise<void> => {
    attempts -= 1;
    try {
      const { document, maxAgeSeconds = MAX_AGE_SECONDS.usual } = await fetch();
      const keys = await parseJwkSet(document, algorithms);
      const { least, most } = MAX_AGE_SECONDS;
      const age = Math.min(Math.max(maxAgeSeconds, least), most) * 1000;
      const fetchedAt = clock.monotonic();
      copy = { keys, refreshAt: fetchedAt + age * 0.75 * jitter(0.2), staleAt: fetchedAt + age };
    } catch (error) {
      const patient = copy === undefined && clock.monotonic() - openedAt < PATIENCE_MS;
      log[patient ? 'debug' : 'warn']('the key set of an issuer could not be fetched', {
        error: describeError(error),
      });
      throw new SecurityError('STS_UNAVAILABLE', { detail: 'no key set', cause: error });
    }
  };
  const refresh = (): Promise<unknown> =>
    once('', () =>
      attemptsLeft() >= 1
        ? load()
        : Promise.reject(new SecurityError('STS_UNAVAILABLE', { detail: 'no attempt is left for now' })),
    );
  /** A copy that may be used at this moment. */
  const usableCopy = async (): Promise<Copy> => {
    const now = clock.monotonic();
    if (copy === undefined || now >= copy.staleAt)
      await refresh().catch((error: unknown) => {
        if (copy === undefined || now >= copy.staleAt + STALE_ON_ERROR_MS) throw error;
      });
    else if (now >= copy.refreshAt) refresh().catch(() => undefined);
    if (copy === undefined) throw new TypeError('a refresh that resolves leaves a copy');
    return copy;
  };

  return {
    async find(kid) {
      const before = copy;
      const usable = await usableCopy();
      const known = usable.keys.get(kid);
      if (known !== undefined) return known;
      if (usable !== before || attemptsLeft() < 1) return undefined;
      await refresh();
      return copy?.keys.get(kid);
    },
  };
}
