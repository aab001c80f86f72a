import { getHeapStatistics } from 'node:v8';
import { Worker } from 'node:worker_threads';
import type { Clock } from '@aduana/core/platform/clock';
import type { Log } from '@aduana/core/platform/log';
import type { UnguardedFields } from '@aduana/subgraph/graphql/deny-unguarded';
import type { Supergraph } from '@apollo/federation-internals';
import type { QueryPlan } from '@apollo/query-planner';
import { buildSchema, type GraphQLSchema, print, printSchema } from 'graphql';
import {
  type FoundError,
  type LoadedSupergraph,
  once,
  withSettings,
} from '../supergraph/loaded-supergraph.ts';
import type { LoadSupergraph } from '../supergraph/supergraph-manager.ts';
import type { ThreadStart } from './thread-messages.ts';
import type { Account } from '../limits/miss-budget.ts';
import { createThreadPool } from './thread-pool.ts';

export interface PlanningThreadOptions {
  readonly threads: number;
  readonly jobMilliseconds: number;
  readonly unguardedFields: UnguardedFields | undefined;
  /** The thread's code, built. */
  readonly file?: URL;
  readonly clock: Clock;
  readonly log: Log;
}

const MEBIBYTE = 1_048_576;
/** Of what this process may take: a plan that needs more is none that should run. */
const HEAP_SHARE = 0.5;

/** Loads supergraphs, validates big documents and plans in threads of each supergraph's own. */
export function createLoadInThread(options: PlanningThreadOptions): LoadSupergraph {
  const {
    unguardedFields,
    file = new URL('./planning-thread.js', import.meta.url),
    ...poolOptions
  } = options;
  return async (sdl, settings) => {
    const pool = createThreadPool({
      ...poolOptions,
      start: (sendsSchemas) => startThread(file, { sdl, unguardedFields, sendsSchemas }),
    });
    try {
      const { hash, sdl: plannable, apiSdl, supergraphSdl, requirements, urls } = await pool.open();
      const views = new WeakMap<GraphQLSchema, string>();
      const loaded: LoadedSupergraph = {
        hash,
        sdl: plannable,
        apiSchema: schemaOf(apiSdl),
        supergraphSchema: schemaOf(supergraphSdl),
        requirements,
        subgraphs: withSettings(urls, settings),
        federation: once(() => buildHere(plannable)),
        findPlan: ({ document, overrides, account }) =>
          pool.run({ kind: 'plan', text: print(document), overrides }, account) as Promise<QueryPlan>,
        findErrors: (text, maxErrors, account, view) =>
          pool.run(
            { kind: 'validate', text, maxErrors, viewSdl: view && textOf(view, views, account) },
            account,
          ) as Promise<readonly FoundError[]>,
      };
      return { loaded, retire: () => { pool.retire(); }, close: () => pool.close() }; // prettier-ignore
    } catch (error) {
      await pool.close();
      throw error;
    }
  };
}

function startThread(file: URL, start: ThreadStart): Worker {
  const maxOldGenerationSizeMb = Math.ceil((getHeapStatistics().heap_size_limit * HEAP_SHARE) / MEBIBYTE);
  return new Worker(file, {
    workerData: start,
    resourceLimits: { maxOldGenerationSizeMb },
    name: 'planning',
  });
}

/** Apollo's executor runs in this thread; without it nothing of Apollo's is loaded here. */
async function buildHere(sdl: string): Promise<Supergraph> {
  const { buildSupergraph } = await import('../supergraph/load-supergraph.ts');
  return buildSupergraph(sdl);
}

/** The thread has validated it. */
function schemaOf(sdl: string): GraphQLSchema {
  return buildSchema(sdl, { noLocation: true, assumeValid: true, assumeValidSDL: true });
}

function textOf(view: GraphQLSchema, known: WeakMap<GraphQLSchema, string>, account: Account): string {
  let text = known.get(view);
  if (text === undefined) {
    const startedAt = performance.now();
    known.set(view, (text = printSchema(view)));
    account.charge(performance.now() - startedAt);
  }
  return text;
}
