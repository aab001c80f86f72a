import { SecurityError } from '../errors/security-error.ts';
import { createBoundedCache } from '../platform/bounded-cache.ts';
import type { Clock } from '../platform/clock.ts';
import { constantTimeEqual } from '../platform/digest.ts';
import { every, type Repeating } from '../platform/every.ts';
import { jitter } from '../platform/ids.ts';
import { describeError, type Log } from '../platform/log.ts';
import { createSingleFlight } from '../platform/single-flight.ts';
import type { SecretBackend } from './secret-backend.ts';
import type { SecretProvider, SecretVersion } from './secret-provider.ts';
import { Secret } from './secret.ts';

const CAPACITY = 1000;
const POLL_MILLISECONDS = 10_000;

export interface KeptSecretsOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** The first version of a secret that is nowhere stored yet; undefined: there is none. */
  seed(name: string): string | undefined;
  /** How long a secret is used without asking again. */
  readonly freshMilliseconds?: number;
  /** How long a secret is used while the provider is away. */
  readonly staleMilliseconds?: number;
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
      const secret = stored ?? (await plantSeed(backend, name, options.seed(name)));
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
    get(name) {
      const known = kept.get(name);
      if (known !== undefined && clock.now() < known.askedAt + freshMilliseconds)
        return Promise.resolve(known.secret);
      return once(name, () => ask(name));
    },
    async put(name, value, expectedVersion) {
      const version = await backend.put(name, value, expectedVersion);
      kept.delete(name);
      return version;
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

/** Tells once for each secret that the environment holds another value than the store. */
function createSeedWarning({ seed, log }: KeptSecretsOptions): (name: string, stored: SecretVersion) => void {
  const warned = new Set<string>();
  return (name, { value, version }) => {
    const planted = seed(name);
    if (planted === undefined || warned.has(name) || constantTimeEqual(planted, value.revealBytes())) return;
    warned.add(name);
    log.warn('the environment holds another secret than the store, which decides: remove the variable', {
      name,
      version,
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
