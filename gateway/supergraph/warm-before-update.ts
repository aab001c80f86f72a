import { describeError } from '@aduana/core/platform/log';
import type { Platform } from '@aduana/core/platform/platform';
import type { Plan } from '../planner/plan.ts';
import type { SupergraphManager } from './supergraph-manager.ts';

/** How long a supergraph waits for its plans, and for how many of them. */
export const WARM_BOUNDS = { milliseconds: 5_000, most: 500 } as const;

/** Plans the operations that are used most over a new supergraph before it is in force. */
export function warmBeforeUpdate(
  supergraph: SupergraphManager,
  plan: Plan,
  { clock, log }: Pick<Platform, 'clock' | 'log'>,
): Plan {
  supergraph.beforeUpdate(async (next) => {
    try {
      const report = await plan.warm(next, supergraph.current(), { clock, ...WARM_BOUNDS });
      log.info('the most used operations are planned over the new supergraph', { ...report });
    } catch (error) {
      log.warn('plans for the new supergraph could not be made before it is in force', {
        error: describeError(error),
      });
    }
  });
  return plan;
}
