import type { Clock } from '@aduana/core/platform/clock';
import { every, type Repeating } from '@aduana/core/platform/every';
import { describeError, type Log } from '@aduana/core/platform/log';
import type { Database } from '@aduana/server-kit/store/database';

export interface SettlePartitionsOptions {
  readonly writer: Database;
  readonly clock: Clock;
  readonly log: Log;
}

const PAUSE_MS = 10_000;

/** Counts what is in each partition once it is full, so that the database knows how to look for what is rare. */
export function settlePartitions({ writer, clock, log }: SettlePartitionsOptions): Repeating {
  const stopped = new AbortController();
  const settleAll = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      const began = clock.monotonic();
      const { rows } = await writer.query<{ settled: boolean }>('SELECT settle_partition() AS settled');
      if (rows[0]?.settled !== true) return;
      // At most half of a processor, where a large log is found for the first time.
      await clock.sleep(clock.monotonic() - began, stopped.signal).catch(() => undefined);
    }
  };
  const loop = every(clock, () => PAUSE_MS, settleAll, (error) => {
    log.warn('a full partition of the log could not be counted', { error: describeError(error) });
  }); // prettier-ignore
  return {
    wake: () => {
      loop.wake();
    },
    stop() {
      stopped.abort();
      return loop.stop();
    },
  };
}
