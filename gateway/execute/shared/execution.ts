/** Execute, its interface: what `run-operation` passes in and what it gets back. */

import type { CancelSignal } from '@aduana/core/platform/cancellation';
import type { QueryPlan } from '@apollo/query-planner';
import type { CompletionBudget } from '../../limits/completion-turn.ts';
import type { LoadedSupergraph } from '../../supergraph/loaded-supergraph.ts';
import type { Authorized, Caller, Narrowing } from '../../stages.ts';
import type { SubgraphFetcher } from '../../subgraphs/subgraph-fetcher.ts';
import type { ResponseError } from './response-errors.ts';

/** One authorized operation, and everything that carrying it out needs. */
export interface Execution {
  /** Undefined where nothing is left to fetch. */
  readonly plan: QueryPlan | undefined;
  readonly authorized: Authorized;
  readonly supergraph: LoadedSupergraph;
  /** By the subgraph's name. */
  readonly narrowings: ReadonlyMap<string, Narrowing>;
  readonly fetcher: SubgraphFetcher;
  /** Aborted when the client leaves. */
  readonly signal: CancelSignal;
  /** Called when all is fetched, before the answer is written: throws where the caller may have no other one now. */
  readonly requireReading?: ((caller: Caller) => void) | undefined;
  /** Whose turn it is to complete an answer; undefined where nobody waits. */
  readonly budget?: CompletionBudget | undefined;
  /** The finished values of `__schema` and `__type`, by response key. */
  readonly introspection?: Readonly<Record<string, unknown>> | undefined;
}

/** What an execution answered. */
export interface ExecutionAnswer {
  /** The JSON text of the answer's `data`. */
  readonly data: string;
  readonly errors: readonly ResponseError[];
  /** Names of the subgraphs that were called. */
  readonly subgraphs: readonly string[];
}

/**
 * Carries out a query plan.
 *
 * @throws SecurityError `OPERATION_NOT_PLANNABLE`
 * @throws the signal's reason where the client left
 */
export type Execute = (execution: Execution) => Promise<ExecutionAnswer>;
