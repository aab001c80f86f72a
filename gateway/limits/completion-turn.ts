import type { CancelSignal } from '@aduana/core/platform/cancellation';
import type { Caller } from '../stages.ts';
import type { MissBudget } from './miss-budget.ts';

/** Whose turn it is to complete an answer, and what that took: how much it is, nobody knows before. */
export type CompletionBudget = Pick<MissBudget, 'turn' | 'complete'>;

/**
 * Undefined where nobody waits. What it is for has to follow at once: of answers that came together, each would else find
 * nobody waiting.
 *
 * @throws the signal's reason, where nobody wants the answer any more
 */
export function completionTurn(
  budget: CompletionBudget,
  caller: Caller,
  signal: CancelSignal,
): Promise<void> | undefined {
  return budget.turn(caller)?.then(() => {
    if (signal.aborted) throw signal.reason;
  });
}
