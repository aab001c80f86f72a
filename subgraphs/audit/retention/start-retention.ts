import { every } from '@aduana/core/platform/every';
import { jitter } from '@aduana/core/platform/ids';
import { describeError } from '@aduana/core/platform/log';
import type { Metrics } from '@aduana/core/platform/metrics';
import { Retention, type RetentionOptions } from './retention.ts';

export interface RunningRetention {
  /** Drops what may go by now. */
  run(): Promise<void>;
  stop(): Promise<void>;
}

const PAUSE_MS = 3_600_000;

/** Lets old entries go, looked at every hour by each replica; nothing where `keepMilliseconds` is `off`. */
export function startRetention({
  keepMilliseconds,
  metrics,
  ...options
}: Omit<RetentionOptions, 'keepMilliseconds'> & {
  readonly keepMilliseconds: number | 'off';
  readonly metrics: Metrics;
}): RunningRetention {
  if (keepMilliseconds === 'off') return { run: () => Promise.resolve(), stop: () => Promise.resolve() };
  const { clock, log, minimumIndex } = options;
  const gauge = metrics.gauge('aduana_audit_minimum_index');
  const stopped = new AbortController();
  const retention = new Retention({ ...options, keepMilliseconds });
  const run = async (): Promise<void> => {
    await retention.run(stopped.signal);
    gauge.set(await minimumIndex.current());
  };
  const loop = every(
    clock,
    () => PAUSE_MS * jitter(0.2),
    run,
    (error) => {
      log.warn('old entries of the log could not be dropped', { error: describeError(error) });
    },
  );
  return {
    run,
    stop() {
      stopped.abort();
      return loop.stop();
    },
  };
}
