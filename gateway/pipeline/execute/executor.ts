import type { QueryPlan } from '@apollo/query-planner';
import type { GraphQLSchema } from 'graphql';
import type { Authorized, Narrowing } from '../stages.ts';
import type { SubgraphFetcher } from '../subgraph-fetcher.ts';
import type { AnswerError } from './answer-errors.ts';

/** One authorized operation, and everything that carrying it out needs. */
export interface Execution {
  /** Undefined where nothing is left to fetch. */
  readonly plan: QueryPlan | undefined;
  readonly authorized: Authorized;
  readonly supergraph: {
    readonly apiSchema: GraphQLSchema;
    readonly supergraphSchema: GraphQLSchema;
  };
  /** By the subgraph's name. */
  readonly narrowings: ReadonlyMap<string, Narrowing>;
  readonly fetcher: SubgraphFetcher;
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
  /** The finished values of `__schema` and `__type`, by response key. */
  readonly introspection?: Readonly<Record<string, unknown>>;
}

export interface ExecutionAnswer {
  /** The JSON text of the answer's `data`. */
  readonly data: string;
  readonly errors: readonly AnswerError[];
}

/** Carries out query plans. */
export interface Executor {
  /**
   * @throws SecurityError `OPERATION_NOT_PLANNABLE`
   * @throws the signal's reason where the client left
   */
  execute(execution: Execution): Promise<ExecutionAnswer>;
}
