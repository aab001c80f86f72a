import type { Clock } from '@aduana/core/platform/clock';
import { createBoundedCache } from '@aduana/core/platform/bounded-cache';
import { hmacSha256 } from '@aduana/core/platform/digest';
import { random } from '@aduana/core/platform/ids';
import { createMutex } from '@aduana/core/platform/mutex';
import { Secret } from '@aduana/core/secrets/secret';
import type { SecretProvider } from '@aduana/server-kit/secrets/secret-provider';
import type { Database } from '@aduana/server-kit/store/database';

/** One key for each person of whom the log holds data; to destroy it is to erase the person. */
export interface SubjectKeys {
  /** An HMAC of the subject: the log itself never names a person. */
  nameOf(subject: string): Buffer;
  /** The key of each subject, made where there is none. */
  ensure(subjects: ReadonlySet<string>): Promise<ReadonlyMap<string, Secret>>;
  /** @returns undefined where it was destroyed, or never made */
  find(name: Buffer): Promise<Secret | undefined>;
  /** @returns whether there was one */
  destroy(subject: string): Promise<boolean>;
}

const CACHE_CAPACITY = 1000;
/** Keys that are looked up or made at once. Calls take turns, so that many new subjects of one peer keep nobody waiting. */
const KEYS_PER_TURN = 64;
/** How long another replica may still write under a key that was destroyed. */
const CACHE_MS = 30_000;

/** @param pepper keeps the names from being guessed by who reads the log */
export function createSubjectKeys(options: {
  readonly writer: Database;
  readonly secrets: SecretProvider;
  readonly clock: Clock;
  readonly pepper: Secret;
}): SubjectKeys {
  const { writer, clock, pepper } = options;
  const stored = createStoredKeys(options);
  /** By name, in hexadecimal digits. */
  const cache = createBoundedCache<Secret>(clock, CACHE_CAPACITY);
  /** One connection at a time: the log's own statements have the others. */
  const inTurn = createMutex();
  const nameOf = (subject: string): Buffer => hmacSha256(pepper.revealBytes(), subject);

  async function make(names: readonly string[]): Promise<ReadonlyMap<string, Secret>> {
    const keys = await stored.find(names);
    const missing = names.filter((name) => !keys.has(name));
    if (missing.length > 0) for (const [name, key] of await stored.make(missing)) keys.set(name, key);
    for (const [name, key] of keys) cache.set(name, key, clock.now() + CACHE_MS);
    return keys;
  }

  async function ensureAll(names: readonly string[]): Promise<ReadonlyMap<string, Secret>> {
    const keys = new Map<string, Secret>();
    const isKnown = (name: string): boolean => {
      const key = cache.get(name);
      if (key !== undefined) keys.set(name, key);
      return key !== undefined;
    };
    const unknown = names.filter((name) => !isKnown(name));
    for (let at = 0; at < unknown.length; at += KEYS_PER_TURN)
      await inTurn(async () => {
        const missing = unknown.slice(at, at + KEYS_PER_TURN).filter((name) => !isKnown(name)); // made meanwhile
        if (missing.length > 0) for (const [name, key] of await make(missing)) keys.set(name, key);
      });
    return keys;
  }

  return {
    nameOf,
    async find(name) {
      const hex = name.toString('hex');
      return (await stored.find([hex])).get(hex);
    },
    async ensure(subjects) {
      const names = new Map(Array.from(subjects, (subject) => [subject, nameOf(subject).toString('hex')]));
      const keys = await ensureAll([...names.values()]);
      return new Map(Array.from(names, ([subject, name]) => [subject, keys.get(name) as Secret]));
    },
    async destroy(subject) {
      const name = nameOf(subject);
      cache.delete(name.toString('hex'));
      const { affected } = await writer.query('DELETE FROM subject_keys WHERE subject = $1', [name]);
      return affected > 0;
    },
  };
}

interface StoredKeys {
  find(names: readonly string[]): Promise<Map<string, Secret>>;
  /** Where another replica makes the same key at the same moment, the first one counts. */
  make(names: readonly string[]): Promise<ReadonlyMap<string, Secret>>;
}

/** The rows of the keys, by name in hexadecimal digits: each wrapped by the secret provider. */
function createStoredKeys({
  writer,
  secrets,
}: {
  readonly writer: Database;
  readonly secrets: SecretProvider;
}): StoredKeys {
  const contextOf = (name: string) => ({ purpose: 'audit-subject-key', subject: name });

  async function find(names: readonly string[]): Promise<Map<string, Secret>> {
    const { rows } = await writer.query<{ name: string; wrapped: string }>(
      `SELECT encode(subject, 'hex') AS name, wrapped FROM subject_keys
       WHERE subject = ANY (ARRAY(SELECT decode(n, 'hex') FROM unnest($1::text[]) n))`,
      [names],
    );
    const found = rows.map(
      async ({ name, wrapped }) => [name, await secrets.unwrap(wrapped, contextOf(name))] as const,
    );
    return new Map(await Promise.all(found));
  }

  async function make(names: readonly string[]): Promise<ReadonlyMap<string, Secret>> {
    const made = new Map(names.map((name) => [name, Secret.of(random(32))]));
    const wrapped = await Promise.all(Array.from(made, ([name, key]) => secrets.wrap(key, contextOf(name))));
    const { rows } = await writer.query<{ name: string }>(
      `INSERT INTO subject_keys (subject, wrapped)
       SELECT decode(n, 'hex'), w FROM unnest($1::text[], $2::text[]) AS g(n, w)
       ON CONFLICT DO NOTHING RETURNING encode(subject, 'hex') AS name`,
      [names, wrapped],
    );
    const mine = new Set(rows.map(({ name }) => name));
    const others = names.filter((name) => !mine.has(name));
    const first = others.length === 0 ? new Map<string, Secret>() : await find(others);
    for (const name of others) {
      const key = first.get(name);
      if (key === undefined) throw new Error('a key of personal data was destroyed while it was made');
      made.set(name, key);
    }
    return made;
  }

  return { find, make };
}
