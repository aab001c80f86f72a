import type { Clock } from '@aduana/core/platform/clock';
import { isObject } from '../log/parse-events.ts';
import { createHttpSink } from './http-sink.ts';
import { RefusedBatchError, RetryableError } from './http-transport.ts';
import type { ShippedEvent, Sink } from './sink.ts';
import type { SinkOf } from './sink-settings.ts';

/** Statuses that concern the content: all others mean that the receiver is not there, or does not know us. */
const CONDEMNING: ReadonlySet<number> = new Set([400, 422]);
/** SeverityNumber of the logs data model: INFO, INFO2, WARN, ERROR. */
const SEVERITY: Readonly<Record<string, number>> = { ALLOWED: 9, PARTIAL: 10, DENIED: 13, FAILED: 17 };

/** OTLP logs over HTTP in JSON (OpenTelemetry protocol 1.x): 2xx acknowledges, a partial success says how many were not taken. */
export function createOtlpSink(settings: SinkOf<'otlp_http'>, clock: Clock): Sink {
  const { pathname, origin } = new URL(settings.url);
  return createHttpSink({ url: origin, tls: settings.tls }, clock, async (transport, events) => {
    const { status, body } = await transport.post(
      pathname,
      settings.headers,
      JSON.stringify(toRequest(events)),
    );
    if (CONDEMNING.has(status)) throw new RefusedBatchError(String(status));
    if (status >= 300) throw new RetryableError(`the receiver answered ${String(status)}`);
    if (rejectedBy(body) > 0) throw new RefusedBatchError('rejected');
    return { settled: events.length, dead: [] };
  });
}

function rejectedBy(body: unknown): number {
  const partial = isObject(body) ? body['partialSuccess'] : undefined;
  return isObject(partial) ? Number(partial['rejectedLogRecords'] ?? 0) : 0;
}

function toRequest(events: readonly ShippedEvent[]) {
  return {
    resourceLogs: [
      {
        resource: { attributes: [attribute('service.name', 'aduana')] },
        scopeLogs: [{ scope: { name: 'aduana.audit' }, logRecords: events.map(toLogRecord) }],
      },
    ],
  };
}

function toLogRecord({ id, seq, time, type, outcome, traceId, text }: ShippedEvent) {
  const nanoseconds = `${String(time)}000000`;
  return {
    timeUnixNano: nanoseconds,
    observedTimeUnixNano: nanoseconds,
    severityNumber: SEVERITY[outcome] ?? 9,
    severityText: outcome,
    body: { stringValue: text },
    attributes: [
      attribute('event.name', type),
      attribute('event.id', id),
      ...(seq === undefined ? [] : [attribute('event.sequence', String(seq))]),
    ],
    ...(traceId === undefined ? {} : { traceId }),
  };
}

function attribute(key: string, value: string) {
  return { key, value: { stringValue: value } };
}
