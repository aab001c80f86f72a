import { afterEach, beforeEach } from '@jest/globals';
import { type Clock, createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { keptSecrets } from '@aduana/server-kit/secrets/kept-secrets';
import type { SecretBackend } from '@aduana/server-kit/secrets/secret-backend';
import type { SecretProvider } from '@aduana/server-kit/secrets/secret-provider';

/** Where one kind of provider keeps its secrets, in the hands of a test. */
export interface SecretStorage {
  /** One process's way to the storage. */
  open(clock: Clock): Promise<SecretBackend>;
  breakDown(): Promise<void>;
  repair(): Promise<void>;
  /** From now on the storage refuses. */
  forbid(): Promise<void>;
  dispose(): Promise<void>;
}

function toSeed(value: string | undefined) {
  return value === undefined ? undefined : { variable: 'BFF_CLIENT_SECRET', value };
}

/** A storage of secrets and the providers over it, new for each test. */
export interface SecretProviderWorld {
  readonly storage: SecretStorage;
  /** What was logged. */
  readonly lines: readonly string[];
  /** How often the storage was asked for a secret. */
  readonly asked: number;
  /** Added to the clock's time, in milliseconds. */
  readonly time: { offset: number };
  readonly clock: Clock;
  /** The machine's own clock. */
  readonly system: Clock;
  /** A provider as another process would open it. */
  open(seeds?: Record<string, string>): Promise<SecretProvider>;
  reveal(
    provider: SecretProvider,
    name: string,
  ): Promise<{ readonly value: string; readonly version: number } | undefined>;
}

/** To be called once, inside `describe`. */
export function openSecretProviders(prepare: () => Promise<SecretStorage>): SecretProviderWorld {
  const world = {} as { storage: SecretStorage; lines: string[]; asked: number };
  const time = { offset: 0 };
  const system = createSystemClock();
  const clock: Clock = {
    now: () => system.now() + time.offset,
    monotonic: () => system.monotonic() + time.offset,
    after: (milliseconds, task) => system.after(milliseconds / 200, task),
    sleep: (milliseconds, signal) => system.sleep(milliseconds / 10, signal),
  };
  let opened: SecretProvider[];

  beforeEach(async () => {
    time.offset = 0;
    world.lines = [];
    opened = [];
    world.asked = 0;
    world.storage = await prepare();
  });

  afterEach(async () => {
    await Promise.all(opened.map((provider) => provider.close()));
    await world.storage.dispose();
  });

  async function open(seeds: Record<string, string> = {}): Promise<SecretProvider> {
    const backend = await world.storage.open(clock);
    const counted: SecretBackend = { ...backend, get: (name) => ((world.asked += 1), backend.get(name)) };
    const log = createLog('debug', (line) => world.lines.push(line));
    const provider = keptSecrets(counted, { clock, log, seed: (name) => toSeed(seeds[name]) });
    opened.push(provider);
    return provider;
  }

  async function reveal(provider: SecretProvider, name: string) {
    const found = await provider.get(name);
    return found && { value: found.value.reveal(), version: found.version };
  }

  return Object.assign(world, { time, clock, system, open, reveal });
}
