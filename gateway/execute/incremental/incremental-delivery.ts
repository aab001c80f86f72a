/** Execute, incremental delivery: its interface. */

import type { Authorized } from '../../stages.ts';
import type { ResponseError } from '../shared/response-errors.ts';
import type { ResponsePosition } from '../shared/complete-response.ts';
import type { Execution, ExecutionAnswer } from '../shared/execution.ts';

/** What came later of one object. */
export interface IncrementalEntry {
  readonly path: ResponsePosition;
  readonly label: string | undefined;
  /** The JSON text of what is selected there; `null` where it cannot be completed. */
  readonly data: string;
  readonly errors: readonly ResponseError[];
}

/** What is still to come of an answer whose first part is there. */
export interface IncrementalRest {
  /**
   * Carries out what is deferred; `deliver` is called for each part, for the last one without `hasNext`.
   *
   * @param current what the caller may have at that moment: no more than what was authorized at first. What it throws
   *   ends the run
   * @throws the reason with which the client left, and what `current` throws
   */
  run(deliver: DeliverPart, current: () => Authorized): Promise<void>;
  /** Ends what is under way. */
  leave(reason: Error): void;
}

/** Takes one part of an answer; `hasNext` is false for the last one. */
export type DeliverPart = (entries: readonly IncrementalEntry[], hasNext: boolean) => void;

/** The first part of an answer; `rest` is undefined where nothing comes later. */
export interface FirstPart extends ExecutionAnswer {
  readonly rest: IncrementalRest | undefined;
}

/**
 * Carries out a query plan up to the first part of its answer.
 *
 * @throws SecurityError `OPERATION_NOT_PLANNABLE`
 * @throws the signal's reason where the client left
 */
export type ExecuteIncremental = (execution: Execution) => Promise<FirstPart>;
