import { hostname } from 'node:os';
import type { ServiceStore } from '@aduana/server-kit/http/service-platform';
import { every } from '@aduana/core/platform/every';
import { uuid } from '@aduana/core/platform/ids';
import { describeError } from '@aduana/core/platform/log';
import type { Platform } from '@aduana/core/platform/platform';
import type { SinkState } from './sink-state.ts';
import { createSink } from './create-sink.ts';
import { Shipper, type ShipperOptions } from './shipper.ts';
import { createSinkCursors } from './sink-cursors.ts';
import type { SinkSettings } from './sink-settings.ts';

/** All sinks of this service; none of them is ever on the way of a request. */
export interface Shippers {
  /** @param size how many entries the log holds */
  states(size: number): Promise<readonly SinkState[]>;
  stop(): Promise<void>;
}

const METRICS_PAUSE_MS = 10_000;

/** Whatever has a cursor, and may be in trouble. */
interface Receiver {
  readonly name: string;
  readonly lastError: string | undefined;
  stop(): Promise<void>;
}

/** @param publisher what publishes the log beside the sinks, where anything does: its state is told with theirs, and it ends with them */
export function startShippers(
  settings: readonly SinkSettings[],
  { writer, reader, vkeys }: ServiceStore & Pick<ShipperOptions, 'vkeys'>,
  { clock, log, metrics }: Platform,
  publisher?: Receiver,
): Shippers {
  const cursors = createSinkCursors(writer, uuid(), clock);
  const deadLetters = metrics.counter('aduana_sink_dead_letters_total');
  const lag = metrics.gauge('aduana_sink_lag_events');
  const shippers = settings.map(
    (sink) =>
      new Shipper({
        name: sink.name,
        format: sink.format,
        sink: createSink(sink, hostname(), clock),
        cursors,
        reader,
        vkeys,
        clock,
        log,
        onDeadLetters: (count) => {
          deadLetters.inc({ sink: sink.name }, count);
        },
      }),
  );
  const receivers: readonly Receiver[] = publisher === undefined ? shippers : [...shippers, publisher];

  async function states(size: number): Promise<readonly SinkState[]> {
    if (receivers.length === 0) return [];
    const { rows } = await reader.query<{ name: string; cursor: number; dead: number }>(
      `SELECT name, cursor, (SELECT count(*) FROM dead_letters d WHERE d.sink = s.name) AS dead FROM sinks s`,
    );
    const stored = new Map(rows.map((row) => [row.name, row]));
    return receivers.map(({ name, lastError }) => {
      const { cursor = 0, dead = 0 } = stored.get(name) ?? {};
      const refused = dead === 0 ? null : `${String(dead)} events were refused for good`;
      return { name, cursor, lag: Math.max(0, size - cursor), lastError: lastError ?? refused };
    });
  }

  const measuring = every(
    clock,
    () => METRICS_PAUSE_MS,
    async () => {
      const { rows } = await reader.query<{ size: number }>('SELECT size FROM head');
      for (const state of await states(rows[0]?.size ?? 0)) lag.set({ sink: state.name }, state.lag);
    },
    (error) => {
      log.debug('the lag of the sinks is not known', { error: describeError(error) });
    },
  );

  return {
    states,
    async stop() {
      await measuring.stop();
      await Promise.all(receivers.map((receiver) => receiver.stop()));
    },
  };
}
