import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '@aduana/core/platform/clock';

/** Ends the connections of clients that take their answers too slowly. */
export interface AnswerDeadlines {
  /**
   * Of an answer that has ended: what of it has not been written out has to be within this time and what its size takes at
   * 64 KiB a second.
   */
  expect(response: ServerResponse, milliseconds: number): void;
}

const LEAST_BYTES_PER_MS = 65.536;
/** How late a deadline may be noticed: one timer serves all answers. */
const RESOLUTION_MS = 1_000;

/** A client that takes a byte now and then keeps its answer in memory no longer than one that takes it at the least rate. */
export function createAnswerDeadlines(clock: Clock): AnswerDeadlines {
  const waiting = new Map<ServerResponse, number>();
  let timer: Timer | undefined;

  function sweep(): void {
    const now = clock.monotonic();
    for (const [response, deadline] of waiting) if (deadline <= now) response.destroy();
    timer = waiting.size > 0 ? clock.after(RESOLUTION_MS, sweep) : undefined;
  }

  return {
    expect(response, milliseconds) {
      const bytes = response.writableLength;
      if (bytes === 0 || response.destroyed) return;
      waiting.set(response, clock.monotonic() + milliseconds + bytes / LEAST_BYTES_PER_MS);
      response.once('close', () => void waiting.delete(response));
      timer ??= clock.after(RESOLUTION_MS, sweep);
    },
  };
}
