import { watch } from 'node:fs';
import type { Clock } from '@aduana/core/platform/clock';
import { every } from '@aduana/core/platform/every';
import { createMutex } from '@aduana/core/platform/mutex';

/** Something that is made of files, in its last good version. */
export interface Followed<Value> {
  current(): Value;
  /** Why the newest version is not in force; undefined while it is. */
  readonly problem: unknown;
  /**
   * Reads now.
   *
   * @throws what made the newest version useless; the last good one stays in force
   */
  reload(): Promise<'updated' | 'unchanged'>;
  /** Calls back in the tick in which `current` changes; returns what ends that. */
  onChange(listener: (value: Value) => void): () => void;
  stop(): Promise<void>;
}

export interface FollowOptions<Value, Version extends { readonly sha256: string }> {
  /** A change in it is noticed at once, where the file system reports any. */
  readonly folder: string;
  readonly pollMilliseconds: number;
  readonly clock: Clock;
  /** Reads what there is now; another digest is another version. */
  readonly read: () => Promise<Version>;
  /** Makes the value of a version that was not there before. */
  readonly load: (version: Version) => Value | Promise<Value>;
  /** Called once for each problem that polling meets. */
  readonly onProblem: (error: unknown) => void;
}

/**
 * Loads something from files and again whenever they change; a version that cannot be used leaves the last good one in
 * force. Watching is not enough, since links that are swapped (as in a Kubernetes volume) may not be reported: the
 * digest is polled as well.
 *
 * @throws what `read` and `load` throw at first
 */
export async function followSource<Value, Version extends { readonly sha256: string }>(
  options: FollowOptions<Value, Version>,
): Promise<Followed<Value>> {
  const { folder, pollMilliseconds, clock, read, load, onProblem } = options;
  const listeners = new Set<(value: Value) => void>();
  const oneAtATime = createMutex();
  const first = await read();
  let value = await load(first);
  let seen = first.sha256;
  let problem: { readonly error: unknown } | undefined;
  let reported: string | undefined;

  async function check(): Promise<'updated' | 'unchanged'> {
    const version = await read();
    if (version.sha256 === seen) {
      if (problem !== undefined) throw problem.error;
      return 'unchanged';
    }
    seen = version.sha256;
    try {
      value = await load(version);
    } catch (error) {
      problem = { error };
      throw error;
    }
    problem = undefined;
    for (const listener of listeners) listener(value);
    return 'updated';
  }

  function report(error: unknown): void {
    const text = `${seen} ${String(error)}`;
    if (text === reported) return;
    reported = text;
    onProblem(error);
  }

  const polling = every(
    clock,
    () => pollMilliseconds,
    async () => {
      await oneAtATime(check);
      reported = undefined;
    },
    report,
  );
  const stopWatching = watchFolder(folder, polling.wake);
  return {
    current: () => value,
    get problem() {
      return problem?.error;
    },
    reload: () => oneAtATime(check),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async stop() {
      stopWatching();
      await polling.stop();
    },
  };
}

/** Polling finds every change; watching only finds it sooner, and may be impossible. */
function watchFolder(folder: string, onChange: () => void): () => void {
  try {
    const watcher = watch(folder, { persistent: false }, onChange);
    watcher.on('error', () => {
      watcher.close();
    });
    return () => {
      watcher.close();
    };
  } catch {
    return () => undefined;
  }
}
