import { describe, expect, test } from '@jest/globals';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createElasticSink } from '../../../../subgraphs/audit/shippers/elastic-sink.ts';
import type { SinkConnection } from '../../../../subgraphs/audit/shippers/sink.ts';
import { sendAll, shippedEvents } from '../../../support/shipped-events.ts';
import { openSinkReceiver } from '../../../support/sink-receiver.ts';

const clock = createSystemClock();
const receiver = openSinkReceiver();

describe('the Elastic bulk sink', () => {
  const connect = async (): Promise<SinkConnection> => {
    const { url, ca } = receiver;
    const sink = createElasticSink(
      {
        name: 'e',
        kind: 'elastic_bulk',
        format: 'ocsf',
        url,
        index: 'aduana',
        api_key: 'k',
        tls: { ca },
      },
      clock,
    );
    return receiver.connect(sink, 10);
  };
  const items = (...statuses: number[]) => ({
    status: 200,
    body: {
      errors: true,
      items: statuses.map((status) => ({ create: { status, error: { type: 'some_exception' } } })),
    },
  });

  test('creates each event under the id that the log gives it', async () => {
    receiver.answer = () => items(201, 201);
    const elastic = await connect();
    const events = shippedEvents(10, 2).map((event, at) => ({
      ...event,
      documentId: `document-${String(at)}`,
    }));
    expect(await sendAll(elastic, events)).toEqual([]);
    expect(elastic.acknowledged()).toBe(12);
    const [request] = receiver.requests;
    expect(request?.headers).toMatchObject({
      authorization: 'ApiKey k',
      'content-type': 'application/x-ndjson',
    });
    const lines =
      request?.body
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>) ?? [];
    expect(lines[0]).toEqual({ create: { _index: 'aduana', _id: 'document-0' } });
    expect(lines[1]).toMatchObject({ metadata: { sequence: 10 } });
    expect(lines).toHaveLength(4);
  });

  test('takes an event that exists already for acknowledged', async () => {
    receiver.answer = () => items(409, 201);
    const elastic = await connect();
    expect(await sendAll(elastic, shippedEvents(10, 2))).toEqual([]);
    expect(elastic.acknowledged()).toBe(12);
  });

  test('goes no further than the first event that is worth another try', async () => {
    receiver.answer = () => items(201, 429, 201);
    const elastic = await connect();
    await expect(sendAll(elastic, shippedEvents(10, 3))).rejects.toThrow('a part of the batch');
    expect(elastic.acknowledged()).toBe(11);
  });

  test('sets aside what is refused for good', async () => {
    receiver.answer = () => items(201, 400, 201);
    const elastic = await connect();
    expect(await sendAll(elastic, shippedEvents(10, 3))).toEqual([
      { position: 11, reason: '400 some_exception' },
    ]);
    expect(elastic.acknowledged()).toBe(13);
  });

  test.each([
    [403, 'cluster_block_exception'],
    [404, 'index_not_found_exception'],
    [400, 'index_closed_exception'],
    [401, 'security_exception'],
  ])('does not set aside what the index, not the event, is refused for: %d %s', async (status, type) => {
    receiver.answer = () => ({
      status: 200,
      body: { items: [201, status].map((each) => ({ create: { status: each, error: { type } } })) },
    });
    const elastic = await connect();
    await expect(sendAll(elastic, shippedEvents(10, 2))).rejects.toThrow('a part of the batch');
    expect(elastic.acknowledged()).toBe(11);
  });

  test('sends less at once to whom a body is too large, and sets aside the one event that is', async () => {
    receiver.answer = ({ body }) => {
      const ids = body.match(/"_id":"[^"]+"/g) ?? [];
      const isTooLarge = ids.length > 2 || (ids.length > 0 && body.includes('000000000013"}'));
      return isTooLarge ? { status: 413, body: {} } : items(...ids.map(() => 201));
    };
    const elastic = await connect();
    expect(await sendAll(elastic, shippedEvents(10, 7))).toEqual([
      { position: 13, reason: 'too large for the receiver' },
    ]);
    expect(elastic.acknowledged()).toBe(17);
    const taken = receiver.requests.filter(({ body }) => (body.match(/_id/g) ?? []).length <= 2);
    expect(taken.length).toBeLessThanOrEqual(7);
  });

  test('sends whole batches again soon after one event was too large', async () => {
    const idsIn = (body: string): string[] => body.match(/"_id":"[^"]+"/g) ?? [];
    receiver.answer = ({ body }) =>
      body.includes('000000000013"}') ? { status: 413, body: {} } : items(...idsIn(body).map(() => 201));
    const elastic = await connect();
    expect(await sendAll(elastic, shippedEvents(10, 500))).toHaveLength(1);
    expect(elastic.acknowledged()).toBe(510);
    await sendAll(elastic, shippedEvents(510, 500));
    receiver.requests = [];
    await sendAll(elastic, shippedEvents(1010, 1000));
    expect(receiver.requests.length).toBeLessThanOrEqual(6);
  });

  test.each([
    [{ 'retry-after': '7' }, 7000],
    [{ date: 'Thu, 01 Jan 2026 00:00:00 GMT', 'retry-after': 'Thu, 01 Jan 2026 00:00:20 GMT' }, 20_000],
    [{ 'retry-after': '86400' }, 300_000],
    [{ 'retry-after': 'soon' }, 0],
    [{}, 0],
  ])('tells for how long the receiver asks to be left alone: %j', async (headers, milliseconds) => {
    receiver.answer = () => ({ status: 429, body: {}, headers });
    const elastic = await connect();
    await expect(sendAll(elastic, shippedEvents(10, 3))).rejects.toMatchObject({
      retryAfterMilliseconds: milliseconds,
    });
    expect(elastic.acknowledged()).toBe(10);
  });

  test.each([429, 500, 503, 401, 404])('acknowledges nothing on %d', async (status) => {
    receiver.answer = () => ({ status, body: {} });
    const elastic = await connect();
    await expect(sendAll(elastic, shippedEvents(10, 3))).rejects.toThrow(`answered ${String(status)}`);
    expect(elastic.acknowledged()).toBe(10);
  });
});
