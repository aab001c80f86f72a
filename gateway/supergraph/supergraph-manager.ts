import { SecurityError } from '@aduana/core/errors/security-error';
import { describeError } from '@aduana/core/platform/log';
import type { Platform } from '@aduana/core/platform/platform';
import { followSource } from '@aduana/server-kit/platform/follow-source';
import type { LoadOptions } from './load-supergraph.ts';
import type { LoadedSupergraph } from './loaded-supergraph.ts';
import type { SubgraphSettings } from './supergraph-config.ts';
import type { SupergraphSource } from './supergraph-source.ts';

/** A supergraph that is ready, and what it holds beside this thread. */
export interface OpenSupergraph {
  readonly loaded: LoadedSupergraph;
  /** Another one has taken its place: only what is under way asks it. */
  retire(): void;
  close(): Promise<void>;
}

/** @throws SecurityError `SUPERGRAPH_INVALID` */
export type LoadSupergraph = (
  sdl: string,
  settings: ReadonlyMap<string, SubgraphSettings>,
) => Promise<OpenSupergraph>;

/** Loads and plans in this thread; the planner itself is loaded for that alone. */
export function createLoadHere(options: LoadOptions = {}): LoadSupergraph {
  return async (sdl, settings) => {
    const { loadSupergraph } = await import('./load-supergraph.ts');
    return {
      loaded: loadSupergraph(sdl, settings, options),
      retire: () => undefined,
      close: () => Promise.resolve(),
    };
  };
}

export interface SupergraphManagerOptions {
  readonly source: SupergraphSource;
  readonly subgraphs: ReadonlyMap<string, SubgraphSettings>;
  readonly load?: LoadSupergraph;
  /** Whether a service with this id is in the registry. */
  readonly isRegistered?: (audience: string) => boolean;
  readonly platform: Platform;
}

/** Holds the supergraph in force and follows its source. */
export interface SupergraphManager {
  /** Where it comes from, without a path that may hold a key. */
  readonly source: string;
  /** Read it once per request: all of it belongs together. */
  current(): LoadedSupergraph;
  /** Called in the same tick in which `current` changes. */
  onUpdate(listener: (loaded: LoadedSupergraph) => void): void;
  /** Called with each later version before it is in force, which waits for it. */
  beforeUpdate(prepare: (next: LoadedSupergraph) => Promise<void>): void;
  /** Called for each version that is refused, with the fields of its log entry. */
  onRefusal(listener: (problem: string) => void): void;
  /** Reads it now; a bad one leaves the last good one in force. */
  reload(): Promise<'updated' | 'unchanged' | 'refused'>;
  /** `ok`, or why the newest version is not in force. */
  state(): string;
  stop(): Promise<void>;
}

/** @throws SecurityError `SUPERGRAPH_INVALID` where the first supergraph cannot be loaded */
export async function openSupergraphManager(options: SupergraphManagerOptions): Promise<SupergraphManager> {
  const { source, subgraphs, load = createLoadHere(), isRegistered = () => true, platform } = options;
  const { clock, log } = platform;
  const refusals: ((problem: string) => void)[] = [];
  const preparations: ((next: LoadedSupergraph) => Promise<void>)[] = [];
  const onProblem = (error: unknown): void => {
    const problem = error instanceof SecurityError ? (error.detail ?? error.message) : 'it cannot be loaded';
    for (const listener of refusals) listener(problem);
    log.error('supergraph refused, the last good one stays in force', { error: describeError(error) });
  };
  const open = new Map<LoadedSupergraph, OpenSupergraph>();
  const followed = await followSource({
    folder: source.folder,
    pollMilliseconds: source.pollMilliseconds,
    clock,
    read: () => source.read(),
    async load({ text }) {
      const opened = await load(text, subgraphs);
      const { loaded } = opened;
      await closeUnless(opened, () => {
        requireRegistered(loaded, isRegistered);
      });
      open.set(loaded, opened);
      for (const prepare of preparations) await prepare(loaded);
      await source.keep(text);
      return loaded;
    },
    onProblem,
  });
  followed.onChange((current) => {
    log.info('supergraph updated', { sha256: current.hash });
    for (const [loaded, { retire }] of open) {
      if (loaded === current) continue;
      retire();
      open.delete(loaded);
    }
  });
  return {
    source: source.name,
    current: () => followed.current(),
    onUpdate: (listener) => void followed.onChange(listener),
    beforeUpdate: (prepare) => void preparations.push(prepare),
    onRefusal: (listener) => void refusals.push(listener),
    async reload() {
      try {
        return await followed.reload();
      } catch (error) {
        onProblem(error);
        return 'refused';
      }
    },
    state: () =>
      followed.problem === undefined ? source.state() : 'the newest one is refused: the last good one serves',
    async stop() {
      await followed.stop();
      await Promise.all([...open.values()].map(({ close }) => close()));
    },
  };
}

/** @throws what `check` throws */
async function closeUnless(opened: OpenSupergraph, check: () => void): Promise<void> {
  try {
    check();
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** @throws SecurityError `SUPERGRAPH_INVALID` where one of its subgraphs is not registered */
function requireRegistered(
  { subgraphs }: LoadedSupergraph,
  isRegistered: (audience: string) => boolean,
): void {
  const missing = [...subgraphs.values()].filter(({ audience }) => !isRegistered(audience));
  if (missing.length === 0) return;
  const names = missing.map(({ name, audience }) => `${name} (${audience})`).join(', ');
  throw new SecurityError('SUPERGRAPH_INVALID', {
    detail: `Not in service_identities.yaml, so that nothing may call them: ${names}`,
  });
}
