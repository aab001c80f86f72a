import { ConstraintError } from '@aduana/server-kit/store/database-error';
import type { Clock } from '@aduana/core/platform/clock';
import { createBoundedCache } from '@aduana/core/platform/bounded-cache';
import { hmacSha256 } from '@aduana/core/platform/digest';
import { random } from '@aduana/core/platform/ids';
import { createSingleFlight } from '@aduana/core/platform/single-flight';
import { Secret } from '@aduana/core/secrets/secret';
import type { SecretProvider } from '@aduana/server-kit/secrets/secret-provider';
import type { Database } from '@aduana/server-kit/store/database';

/** One key for each person of whom the log holds data; to destroy it is to erase the person. */
export interface SubjectKeys {
  /** An HMAC of the subject: the log itself never names a person. */
  nameOf(subject: string): Buffer;
  /** The subject's key, made where there is none. */
  ensure(subject: string): Promise<Secret>;
  /** @returns undefined where it was destroyed, or never made */
  find(name: Buffer): Promise<Secret | undefined>;
  /** @returns whether there was one */
  destroy(subject: string): Promise<boolean>;
}

const CACHE_CAPACITY = 1000;
/** How long another replica may still write under a key that was destroyed. */
const CACHE_MS = 30_000;

/** @param pepper keeps the names from being guessed by who reads the log */
export function createSubjectKeys(options: {
  readonly writer: Database;
  readonly secrets: SecretProvider;
  readonly clock: Clock;
  readonly pepper: Secret;
}): SubjectKeys {
  const { writer, secrets, clock, pepper } = options;
  const cache = createBoundedCache<Secret>(clock, CACHE_CAPACITY);
  const once = createSingleFlight<Secret>();
  const nameOf = (subject: string): Buffer => hmacSha256(pepper.revealBytes(), subject);
  const wrapContext = (name: Buffer) => ({ purpose: 'audit-subject-key', subject: name.toString('hex') });

  async function find(name: Buffer): Promise<Secret | undefined> {
    const { rows } = await writer.query<{ wrapped: string }>(
      'SELECT wrapped FROM subject_keys WHERE subject = $1',
      [name],
    );
    return rows[0] === undefined ? undefined : secrets.unwrap(rows[0].wrapped, wrapContext(name));
  }

  async function make(name: Buffer): Promise<Secret> {
    const known = await find(name);
    if (known !== undefined) return known;
    const key = Secret.of(random(32));
    const wrapped = await secrets.wrap(key, wrapContext(name));
    try {
      await writer.query('INSERT INTO subject_keys (subject, wrapped) VALUES ($1, $2)', [name, wrapped]);
      return key;
    } catch (error) {
      const first = error instanceof ConstraintError ? await find(name) : undefined;
      if (first === undefined) throw error;
      return first;
    }
  }

  return {
    nameOf,
    find,
    async ensure(subject) {
      const cached = cache.get(subject);
      if (cached !== undefined) return cached;
      const key = await once(subject, () => make(nameOf(subject)));
      cache.set(subject, key, clock.now() + CACHE_MS);
      return key;
    },
    async destroy(subject) {
      cache.delete(subject);
      const { affected } = await writer.query('DELETE FROM subject_keys WHERE subject = $1', [
        nameOf(subject),
      ]);
      return affected > 0;
    },
  };
}
