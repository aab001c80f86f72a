import { readdir, readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import type { Clock } from '@aduana/core/platform/clock';
import { sha256Hex } from '@aduana/core/platform/digest';
import { describeError, type Log } from '@aduana/core/platform/log';
import { followSource } from '../platform/follow-source.ts';
import { compile, type Engine } from './compile.ts';
import { loadPolicies } from './load-policies.ts';
import { loadPolicyTests, runPolicyTests } from './policy-tests.ts';

/** The policies in force, replaced whole when the folder's content changes and the new content is good. */
export interface LivePolicies {
  current(): Engine;
  /** When the policies in force came into force, in milliseconds since the epoch. */
  readonly loadedAt: number;
  /** Why the folder's content is not in force; undefined while it is. */
  readonly lastProblem: ConfigurationError | undefined;
  /**
   * Reads the folder now.
   *
   * @throws ConfigurationError when it is not good; what was in force stays
   */
  reload(): Promise<Engine>;
  /** Puts the policies before these into force, until the folder's content changes again; undefined: there were none. */
  rollback(): Engine | undefined;
  /** Calls back after each swap; returns what ends that. */
  onChange(listener: (engine: Engine, previous: Engine) => void): () => void;
  stop(): Promise<void>;
}

export interface LivePoliciesOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly pollMilliseconds?: number;
}

/**
 * Loads the policies and keeps them current: the folder is watched, and its content hash polled, since links that are
 * swapped (as in a Kubernetes volume) may not wake a watcher.
 *
 * @throws ConfigurationError when the folder's content is not good
 */
export async function openPolicies(options: LivePoliciesOptions): Promise<LivePolicies> {
  const { folder, clock, log, pollMilliseconds = 2000 } = options;
  let inForce: Engine | undefined;
  const followed = await followSource({
    folder,
    pollMilliseconds,
    clock,
    read: async () => ({ sha256: await fingerprint(folder, inForce) }),
    load: () => loadGoodPolicies(folder, inForce),
    onProblem(error) {
      log.error('the policy files are not good, the last good ones stay in force', {
        error: describeError(error),
      });
    },
  });
  const slot = createSlot(followed.current(), clock);
  slot.onChange((engine) => (inForce = engine));
  inForce = slot.current();
  followed.onChange((engine) => slot.put(engine));

  return {
    current: () => slot.current(),
    get loadedAt() {
      return slot.since();
    },
    get lastProblem() {
      return followed.problem instanceof ConfigurationError ? followed.problem : undefined;
    },
    async reload() {
      await followed.reload();
      return slot.put(followed.current());
    },
    rollback: () => slot.putBack(),
    onChange: (listener) => slot.onChange(listener),
    stop: () => followed.stop(),
  };
}

/** Holds the engine in force and the one before it. */
function createSlot(first: Engine, clock: Clock) {
  const listeners = new Set<(engine: Engine, previous: Engine) => void>();
  let engine = first;
  let previous: Engine | undefined;
  let since = clock.now();

  function put(next: Engine): Engine {
    const old = engine;
    if (next.sha256 === old.sha256) return old;
    previous = old;
    engine = next;
    since = clock.now();
    for (const listener of listeners) listener(next, old);
    return next;
  }

  return {
    current: () => engine,
    since: () => since,
    put,
    putBack: () => previous && put(previous),
    onChange(listener: (engine: Engine, previous: Engine) => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** @throws ConfigurationError when files are wrong, a file of the policies in force is gone, or a policy test fails */
async function loadGoodPolicies(folder: string, inForce?: Engine): Promise<Engine> {
  const sources = await loadPolicies(folder);
  const gone = (inForce?.sources.files ?? []).filter(
    (file) => file.endsWith('.yaml') && !sources.files.includes(file),
  );
  const engine = compile(sources);
  const failed = runPolicyTests(engine, await loadPolicyTests(folder)).filter(({ passed }) => !passed);
  const problems = [
    ...gone.map((file) => ({
      subject: file,
      problem: 'is gone',
      remedy: 'Restore it, or restart without it',
    })),
    ...failed.map(({ location, name, expected, actual, because }) => ({
      subject: location,
      problem: `the policy test \`${name}\` expects ${expected} and gets ${actual}`,
      remedy: `It must hold because ${because}`,
    })),
  ];
  if (problems.length > 0) throw new ConfigurationError(problems);
  return engine;
}

/** Hash over all that a load would read. */
async function fingerprint(folder: string, inForce: Engine | undefined): Promise<string> {
  const names = await readdir(folder).catch(() => []);
  const files = new Set([
    ...names.filter((name) => name.endsWith('.yaml')),
    ...(inForce?.sources.files ?? []),
  ]);
  const entries = [...files].sort().map(async (file) => {
    const bytes = await readFile(resolve(folder, file)).catch(() => undefined);
    return [file, bytes === undefined ? null : sha256Hex(bytes)];
  });
  return sha256Hex(JSON.stringify(await Promise.all(entries)));
}
