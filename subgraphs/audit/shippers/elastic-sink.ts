import type { Clock } from '@aduana/core/platform/clock';
import { isObject } from '../log/parse-events.ts';
import { createHttpSink, type BatchOutcome } from './http-sink.ts';
import { RetryableError } from './http-transport.ts';
import type { DeadLetter, ShippedEvent, Sink } from './sink.ts';
import type { SinkOf } from './sink-settings.ts';

const EXISTS = 409;
/** What is wrong with a document; a blocked, closed or missing index, or a key without rights, is wrong with the receiver. */
const CONDEMNING: ReadonlySet<number> = new Set([400, 413]);
const CLOSED = 'index_closed_exception';

/** The bulk API of Elasticsearch and OpenSearch: each item is acknowledged, and its id is the log's: no event takes the place of another. */
export function createElasticSink(settings: SinkOf<'elastic_bulk'>, clock: Clock): Sink {
  const { index, api_key: apiKey } = settings;
  const headers = {
    'content-type': 'application/x-ndjson',
    ...(apiKey === undefined ? {} : { authorization: `ApiKey ${apiKey}` }),
  };
  return createHttpSink(settings, clock, async (transport, events) => {
    const lines = events.flatMap(({ documentId, text }) => [
      JSON.stringify({ create: { _index: index, _id: documentId } }),
      text,
    ]);
    const { status, body } = await transport.post('/_bulk', headers, `${lines.join('\n')}\n`);
    const items =
      isObject(body) && Array.isArray(body['items']) ? (body['items'] as readonly unknown[]) : undefined;
    if (status !== 200 || items?.length !== events.length)
      throw new RetryableError(`the receiver answered ${String(status)}`);
    return settle(events, items);
  });
}

/** Up to the first item that is worth another try; one that exists already was sent before. */
function settle(events: readonly ShippedEvent[], items: readonly unknown[]): BatchOutcome {
  const dead: DeadLetter[] = [];
  for (const [at, { position }] of events.entries()) {
    const { status, type } = outcomeOf(items[at]);
    if (status < 400 || status === EXISTS) continue;
    if (!CONDEMNING.has(status) || type === CLOSED) return { settled: at, dead };
    dead.push({ position, reason: `${String(status)} ${type}` });
  }
  return { settled: events.length, dead };
}

function outcomeOf(item: unknown): { readonly status: number; readonly type: string } {
  const action = isObject(item) ? item['create'] : undefined;
  const { status, error } = isObject(action) ? action : {};
  const type = isObject(error) ? error['type'] : undefined;
  return { status: typeof status === 'number' ? status : 500, type: typeof type === 'string' ? type : '' };
}
