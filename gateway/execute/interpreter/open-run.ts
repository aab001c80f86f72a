/** Execute, interpreter: the empty state of a run. */

import { SecurityError } from '@aduana/core/errors/security-error';
import type { Log } from '@aduana/core/platform/log';
import { describeErrors } from '../../subgraphs/describe-errors.ts';
import { UNLIMITED } from '../../limits/miss-budget.ts';
import type { PreparedOperation } from '../shared/prepare-operation.ts';
import type { Execution } from '../shared/execution.ts';
import type { SendFetch } from '../shared/send-fetch.ts';
import type { PlanRun } from './run-plan.ts';
import { applyVariableDefaults } from './variable-defaults.ts';

/** A run of a plan that has fetched nothing yet. */
export function openRun(
  log: Log,
  { schema, shape }: Pick<PreparedOperation, 'schema' | 'shape'>,
  execution: Pick<Execution, 'authorized' | 'supergraph' | 'signal' | 'budget'>,
  send: SendFetch,
): PlanRun {
  const { authorized, supergraph, signal, budget = UNLIMITED } = execution;
  return {
    schema,
    shape,
    variables: authorized.variables,
    conditions: applyVariableDefaults(authorized.originalOperation, authorized.variables),
    send,
    root: {},
    errors: [],
    abandoned: signal,
    caller: authorized.caller,
    budget,
    showsMessages: (subgraph) => supergraph.subgraphs.get(subgraph)?.errors === 'messages',
    onFailure: ({ subgraph }, error) => {
      // What we ourselves refuse to send has lines of its own in the log.
      const refused = error instanceof SecurityError && error.retryAfterSeconds !== undefined;
      const told = error instanceof Error ? error : describeErrors(error);
      log[refused ? 'debug' : 'warn']('a subgraph failed', { subgraph, error: told });
    },
  };
}
