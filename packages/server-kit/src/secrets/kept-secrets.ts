import { SecurityError } from '@aduana/core/errors/security-error';
import { createBoundedCache } from '@aduana/core/platform/bounded-cache';
import type { Clock } from '@aduana/core/platform/clock';
import { constantTimeEqual } from '@aduana/core/platform/digest';
import { every, type Repeating } from '@aduana/core/platform/every';
import { jitter } from '@aduana/core/platform/ids';
import { describeError, type Log } from '@aduana/core/platform/log';
import { createSingleFlight } from '@aduana/core/platform/single-flight';
import type { SecretBackend } from './secret-backend.ts';
import type { SecretProvider, SecretVersion } from './secret-provider.ts';
import { Secret } from '@aduana/core/secrets/secret';

const CAPACITY = 1000;
const POLL_MILLISECONDS = 10_000;

export interface KeptSecretsOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** The first version of a secret that is nowhere stored yet, and where it comes from; undefined: there is none. */
  seed(name: string): SecretSeed | undefined;
  /** How long a secret is used without asking again. */
  readonly freshMilliseconds?: number;
  /** How long a secret is used while the provider is away. */
  readonly staleMilliseconds?: number;
}

export interface SecretSeed {
  /** The name of the environment's variable. */
  readonly variable: string;
  readonly value: string;
}

interface Kept {
  readonly secret: SecretVersion;
  readonly askedAt: number;
}

/**
 * A provider that remembers: the warm path asks nobody, an outage is bridged within a bound and then fails closed,
 * and who is refused is never served from memory.
 */
export function keptSecrets(backend: SecretBackend, options: KeptSecretsOptions): SecretProvider {
  const { clock, log, freshMilliseconds = 30_000, staleMilliseconds = 600_000 } = options;
  const kept = createBoundedCache<Kept>(clock, CAPACITY);
  const once = createSingleFlight<SecretVersion | undefined>();
  const watches = new Set<Repeating>();
  const warnOfOldSeed = createSeedWarning(options);

  async function ask(name: string): Promise<SecretVersion | undefined> {
    const askedAt = clock.now();
    try {
      const stored = await backend.get(name);
      const secret = stored ?? (await plantSeed(backend, name, options.seed(name)?.value));
      if (stored !== undefined) warnOfOldSeed(name, stored);
      if (secret === undefined) kept.delete(name);
      else kept.set(name, { secret, askedAt }, askedAt + freshMilliseconds + staleMilliseconds);
      return secret;
    } catch (error) {
      if (!isOutage(error)) {
        kept.delete(name);
        throw error;
      }
      const known = kept.get(name);
      if (known === undefined) throw error;
      log.warn('the secret provider is away; what it said last is used', { error: describeError(error) });
      return known.secret;
    }
  }

  return {
    kind: backend.kind,
    get(name, { fresh = false } = {}) {
      const known = fresh ? undefined : kept.get(name);
      if (known !== undefined && clock.now() < known.askedAt + freshMilliseconds)
        return Promise.resolve(known.secret);
      return once(name, () => ask(name));
    },
    async put(name, value, expectedVersion) {
      try {
        return await backend.put(name, value, expectedVersion);
      } finally {
        kept.delete(name); // a conflict, too, means that what is remembered is out of date
      }
    },
    wrap: (plaintext, context) => backend.wrap(plaintext, context),
    unwrap: (wrapped, context) => backend.unwrap(wrapped, context),
    watch(name, onChange) {
      const seen = kept.get(name)?.secret.version ?? 0;
      const watch = watchVersions(() => once(name, () => ask(name)), seen, onChange, options);
      watches.add(watch);
      return () => {
        watches.delete(watch);
        void watch.stop();
      };
    },
    check: () => backend.check(),
    async close() {
      await Promise.all([...watches].map((watch) => watch.stop()));
      kept.clear();
      await backend.close();
    },
  };
}

function watchVersions(
  ask: () => Promise<SecretVersion | undefined>,
  lastSeen: number,
  onChange: (current: SecretVersion) => void,
  { clock, log }: KeptSecretsOptions,
): Repeating {
  let seen = lastSeen;
  return every(
    clock,
    () => POLL_MILLISECONDS * jitter(0.2),
    async () => {
      const secret = await ask();
      if (secret === undefined || secret.version <= seen) return;
      seen = secret.version;
      onChange(secret);
    },
    (error) => {
      log.warn('a secret cannot be watched now', { error: describeError(error) });
    },
  );
}

/** Warns once for each secret that the environment holds another value than the store. */
function createSeedWarning({ seed, log }: KeptSecretsOptions): (name: string, stored: SecretVersion) => void {
  const warned = new Set<string>();
  return (name, { value, version }) => {
    const planted = seed(name);
    if (planted === undefined || warned.has(name)) return;
    if (constantTimeEqual(planted.value, value.revealBytes())) return;
    warned.add(name);
    log.warn(`${planted.variable} holds another secret than the store, which decides: its value is refused`, {
      variable: planted.variable,
      storedVersion: version,
      remedy: `Remove ${planted.variable}`,
    });
  };
}

/** Stores the seed as version 1, so that whoever rotates counts on from there. */
async function plantSeed(
  backend: SecretBackend,
  name: string,
  seed: string | undefined,
): Promise<SecretVersion | undefined> {
  if (seed === undefined) return undefined;
  const value = Secret.of(seed);
  try {
    return { value, version: await backend.put(name, value, 0) };
  } catch (error) {
    const { code } = error as SecurityError;
    if (code === 'FORBIDDEN') return { value, version: 1 }; // a reader's permissions: a writer will store it
    if (code === 'CONFLICT') return backend.get(name);
    throw error;
  }
}

function isOutage(error: unknown): boolean {
  return error instanceof SecurityError && error.code === 'SECRET_PROVIDER_UNAVAILABLE';
}
