import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';
import type { QueryPlan } from '@apollo/query-planner';
import { parse } from 'graphql';
import type { FindPlan } from './operation-planner.ts';

/** An operation that was planned before, and how often it was asked for. */
export interface UsedOperation {
  /** The text of the authorized document. */
  readonly text: string;
  readonly overrides: readonly string[];
  readonly uses: number;
}

export interface WarmBounds {
  readonly clock: Clock;
  readonly milliseconds: number;
  /** How many operations are planned at most, the most used first. */
  readonly most: number;
}

export interface WarmReport {
  readonly planned: number;
  /** Those that have no plan any more, or for which there was no time. */
  readonly skipped: number;
}

/** Plans over another supergraph what was asked for most. */
export async function warmPlans<Operation extends UsedOperation>(
  operations: readonly Operation[],
  findPlan: FindPlan,
  keep: (operation: Operation, plan: QueryPlan) => void,
  { clock, milliseconds, most }: WarmBounds,
): Promise<WarmReport> {
  const deadline = clock.monotonic() + milliseconds;
  const wanted = [...operations].sort((one, other) => other.uses - one.uses).slice(0, most);
  let planned = 0;
  for (const operation of wanted) {
    if (clock.monotonic() >= deadline) break;
    try {
      const document = parse(operation.text, { noLocation: true });
      keep(operation, await findPlan({ document, overrides: operation.overrides }));
      planned += 1;
    } catch (error) {
      if (!(error instanceof SecurityError)) throw error;
    }
    await clock.sleep(0); // where this thread plans, others have their turn
  }
  return { planned, skipped: wanted.length - planned };
}
