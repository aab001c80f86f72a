import { watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { SecurityError } from '@aduana/core/errors/security-error';
import { every } from '@aduana/core/platform/every';
import { sha256Hex } from '@aduana/core/platform/digest';
import { describeError } from '@aduana/core/platform/log';
import type { Platform } from '@aduana/core/platform/platform';
import { type LoadedSupergraph, loadSupergraph } from './loaded-supergraph.ts';
import type { SubgraphSettings } from './supergraph-config.ts';

export interface SupergraphManagerOptions {
  readonly sdlFile: string;
  readonly subgraphs: ReadonlyMap<string, SubgraphSettings>;
  readonly platform: Platform;
}

/** Holds the supergraph in force and follows its file. */
export interface SupergraphManager {
  /** Read it once per request: all of it belongs together. */
  current(): LoadedSupergraph;
  /** Called in the same tick in which `current` changes. */
  onUpdate(listener: (loaded: LoadedSupergraph) => void): void;
  /** Reads the file now; a bad one leaves the last good one in force. */
  reload(): Promise<'updated' | 'unchanged' | 'refused'>;
  stop(): Promise<void>;
}

const POLL_MILLISECONDS = 2_000;

/** @throws SecurityError `SUPERGRAPH_INVALID` where the first supergraph cannot be loaded */
export async function openSupergraphManager(options: SupergraphManagerOptions): Promise<SupergraphManager> {
  const { sdlFile, subgraphs, platform } = options;
  const { clock, log } = platform;
  const listeners: ((loaded: LoadedSupergraph) => void)[] = [];
  let loaded = loadSupergraph(await readSdl(sdlFile), subgraphs);
  let seen = loaded.hash;
  let seenIsBad = false;

  const polling = every(
    clock,
    () => POLL_MILLISECONDS,
    async () => {
      await reload();
    },
    report,
  );
  const watcher = watchFolder(path.dirname(sdlFile), () => {
    polling.wake();
  });

  async function reload(): Promise<'updated' | 'unchanged' | 'refused'> {
    try {
      const sdl = await readSdl(sdlFile);
      const hash = sha256Hex(sdl);
      if (hash === seen) return seenIsBad ? 'refused' : 'unchanged';
      seen = hash;
      seenIsBad = true;
      swap(loadSupergraph(sdl, subgraphs));
      seenIsBad = false;
      return 'updated';
    } catch (error) {
      report(error);
      return 'refused';
    }
  }

  function swap(next: LoadedSupergraph): void {
    loaded = next;
    for (const listener of listeners) listener(next);
    log.info('supergraph updated', { sha256: next.hash });
  }

  function report(error: unknown): void {
    log.error('supergraph refused, the last good one stays in force', { error: describeError(error) });
  }

  return {
    current: () => loaded,
    onUpdate: (listener) => void listeners.push(listener),
    reload,
    async stop() {
      watcher?.close();
      await polling.stop();
    },
  };
}

async function readSdl(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new SecurityError('SUPERGRAPH_INVALID', { detail: `${file} cannot be read`, cause });
  }
}

/** Polling finds every change; watching only finds it sooner, and may be impossible. */
function watchFolder(folder: string, onChange: () => void): { close(): void } | undefined {
  try {
    const watcher = watch(folder, { persistent: false }, onChange);
    watcher.on('error', () => {
      watcher.close();
    });
    return watcher;
  } catch {
    return undefined;
  }
}
