import type { EventBus } from '@aduana/core/bus/event-bus';
import { SecurityError } from '@aduana/core/errors/security-error';
import { createBoundedCache } from '@aduana/core/platform/bounded-cache';
import { hmacSha256 } from '@aduana/core/platform/digest';
import type { Clock } from '@aduana/core/platform/clock';
import { every } from '@aduana/core/platform/every';
import { jitter, random } from '@aduana/core/platform/ids';
import { describeError } from '@aduana/core/platform/log';
import type { Platform } from '@aduana/core/platform/platform';
import type { StatusView } from '@aduana/core/status/status-entry';
import type { Database } from '@aduana/server-kit/store/database';
import type { RowSeals } from '@aduana/server-kit/seals/row-seals';
import { readSecrets, type StoredSecret } from './client-secret-store.ts';
import { isExposed, readCollections } from './secret-collections.ts';
import { matchesSecret, type SecretHash, UNKNOWN_CLIENT_HASH } from './secret-hash.ts';

export const SECRETS_TOPIC = 'sts.secrets';

export interface ClientSecrets {
  /** Whether this secret matched within the last minutes, and still would. */
  remembers(service: string, secret: string): boolean;
  /**
   * Compares in the same time whether or not the client exists.
   *
   * @returns the version that matched
   */
  verify(service: string, secret: string): Promise<number | undefined>;
  reload(): Promise<void>;
  stop(): Promise<void>;
}

const POLL_MS = 3_000;
/** A database that is back is noticed soon: with an old copy no client is authenticated. */
const RETRY_MS = 500;
const LONGEST_STALENESS_MS = 10_000;
const REMEMBER_MS = 300_000;
/** Current and previous. */
const MOST_VERSIONS = 2;

/**
 * This replica's copy of the hashes; a success is remembered for minutes under a keyed hash of secret and salt. A version
 * that was collected with a certificate which is revoked is accepted no more.
 */
export async function openClientSecrets(
  database: Database,
  seals: RowSeals,
  status: Pick<StatusView, 'isCertificateRevoked'>,
  bus: EventBus,
  { clock, log }: Pick<Platform, 'clock' | 'log'>,
): Promise<ClientSecrets> {
  let known = await readSecrets(database, seals);
  let collections = await readCollections(database, seals);
  let loadedAt = clock.monotonic();
  const comparison = createComparison(clock);

  const reload = async (): Promise<void> => {
    const startedAt = clock.monotonic();
    [known, collections] = [await readSecrets(database, seals), await readCollections(database, seals)];
    loadedAt = startedAt;
  };
  const poll = async (): Promise<void> => {
    await reload();
    await seals.latest.save();
  };
  const polling = every(clock, () => POLL_MS * jitter(0.2), poll, (error) => {
    log.warn('the client secrets could not be read', { error: describeError(error) });
  }, () => RETRY_MS * jitter(0.2)); // prettier-ignore
  const unsubscribe = bus.subscribe(SECRETS_TOPIC, polling.wake);

  const acceptedOf = (service: string): readonly StoredSecret[] => {
    if (clock.monotonic() - loadedAt > LONGEST_STALENESS_MS)
      throw new SecurityError('temporarily_unavailable', { detail: 'the copy of the secrets is too old' });
    return known.filter(
      (one) =>
        one.service === service &&
        (one.acceptedUntil ?? Infinity) > clock.now() &&
        !isExposed(one, collections, status),
    );
  };

  return {
    reload,
    remembers: (service, secret) =>
      acceptedOf(service).some((stored) => comparison.remembers(stored, secret)),
    async verify(service, secret) {
      const accepted = acceptedOf(service);
      // A refusal takes two comparisons, whether the client is unknown, has one secret or has two.
      for (const stored of accepted) if (await comparison.matches(stored, secret)) return stored.version;
      for (let done = accepted.length; done < MOST_VERSIONS; done += 1)
        await comparison.matches(UNKNOWN_CLIENT_HASH, secret);
      return undefined;
    },
    async stop() {
      unsubscribe();
      await polling.stop();
    },
  };
}

/** Compares secrets with hashes, and remembers what matched while it is used. */
function createComparison(clock: Clock) {
  const rememberKey = random(32);
  const remembered = createBoundedCache<true>(clock, 1_000);
  const tagOf = (stored: SecretHash, secret: string): string =>
    hmacSha256(rememberKey, `${stored.salt}:${stored.hash}:${secret}`).toString('base64url');
  return {
    remembers(stored: SecretHash, secret: string): boolean {
      const tag = tagOf(stored, secret);
      if (remembered.get(tag) !== true) return false;
      remembered.set(tag, true, clock.now() + REMEMBER_MS);
      return true;
    },
    async matches(stored: SecretHash, secret: string): Promise<boolean> {
      if (!(await matchesSecret(secret, stored))) return false;
      remembered.set(tagOf(stored, secret), true, clock.now() + REMEMBER_MS);
      return true;
    },
  };
}
