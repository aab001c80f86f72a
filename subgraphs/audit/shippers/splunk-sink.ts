import type { Clock } from '@aduana/core/platform/clock';
import { uuid } from '@aduana/core/platform/ids';
import { isObject } from '../log/parse-events.ts';
import { createHttpSink } from './http-sink.ts';
import { type HttpTransport, RefusedBatchError, RetryableError } from './http-transport.ts';
import type { ShippedEvent, Sink } from './sink.ts';
import type { SinkOf } from './sink-settings.ts';

const ACK_PAUSE_MS = 500;
const ACK_TIMEOUT_MS = 60_000;
const REFUSED = 400;
/** No data, invalid format, event missing, event blank, indexed fields: the others concern index, channel or token. */
const CONDEMNING: ReadonlySet<unknown> = new Set([5, 6, 12, 13, 15]);

/** Splunk's HTTP Event Collector; with indexer acknowledgement an event counts once it is indexed. */
export function createSplunkSink(settings: SinkOf<'splunk_hec'>, clock: Clock): Sink {
  const channel = uuid();
  const headers = { authorization: `Splunk ${settings.token}`, 'x-splunk-request-channel': channel };

  /** Resolves once the receiver holds these events. */
  async function post(transport: HttpTransport, events: readonly ShippedEvent[]): Promise<void> {
    const { status, body } = await transport.post(
      '/services/collector/event',
      headers,
      events.map(toHecEvent).join('\n'),
    );
    const { ackId, code: given } = isObject(body) ? body : {};
    const code = typeof given === 'number' ? given : undefined;
    if (status === REFUSED && CONDEMNING.has(code)) throw new RefusedBatchError(`code ${String(code)}`);
    if (status !== 200)
      throw new RetryableError(`the receiver answered ${String(status)}, code ${String(code)}`);
    if (!settings.acknowledge) return;
    if (typeof ackId !== 'number')
      throw new RetryableError('the receiver does not acknowledge: is it enabled for this token?');
    await untilIndexed(transport, ackId);
  }

  async function untilIndexed(transport: HttpTransport, ackId: number): Promise<void> {
    const deadline = clock.monotonic() + ACK_TIMEOUT_MS;
    while (clock.monotonic() < deadline) {
      const { body } = await transport.post(
        `/services/collector/ack?channel=${channel}`,
        headers,
        JSON.stringify({ acks: [ackId] }),
      );
      const acks = isObject(body) ? body['acks'] : undefined;
      if (isObject(acks) && acks[String(ackId)] === true) return;
      await clock.sleep(ACK_PAUSE_MS);
    }
    throw new RetryableError('the receiver has not indexed a batch in time');
  }

  return createHttpSink(settings, clock, async (transport, events) => {
    await post(transport, events);
    return { settled: events.length, dead: [] };
  });
}

function toHecEvent({ id, seq, time, text }: ShippedEvent): string {
  const fields = JSON.stringify({ id, seq });
  return `{"time":${String(time / 1000)},"source":"aduana","sourcetype":"_json","fields":${fields},"event":${text}}`;
}
