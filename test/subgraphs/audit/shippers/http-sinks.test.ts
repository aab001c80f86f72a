import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { setTimeout as wait } from 'node:timers/promises';
import { type Clock, createSystemClock } from '@aduana/core/platform/clock';
import { createElasticSink } from '../../../../subgraphs/audit/shippers/elastic-sink.ts';
import { createOtlpSink } from '../../../../subgraphs/audit/shippers/otlp-sink.ts';
import type { SinkConnection } from '../../../../subgraphs/audit/shippers/sink.ts';
import { createSplunkSink } from '../../../../subgraphs/audit/shippers/splunk-sink.ts';
import {
  type DoubleAnswer,
  type DoubleRequest,
  type HttpsDouble,
  openHttpsDouble,
} from '../../../support/https-double.ts';
import { createHurriedClock } from '../../../support/hurried-clock.ts';
import { sendAll, shippedEvents } from '../../../support/shipped-events.ts';

const clock = createSystemClock();
let double: HttpsDouble;
let requests: DoubleRequest[];
let answer: (request: DoubleRequest) => DoubleAnswer;
let connection: SinkConnection | undefined;
beforeEach(async () => {
  requests = [];
  double = await openHttpsDouble((request) => {
    requests.push(request);
    return answer(request);
  });
});
afterEach(async () => {
  await connection?.close();
  connection = undefined;
  await double.close();
});

async function untilAsked(path: string): Promise<void> {
  while (!requests.some((request) => request.path.includes(path))) await wait(5);
}

describe('the Elastic bulk sink', () => {
  const connect = async (): Promise<SinkConnection> => {
    const { url, ca } = double;
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
    connection = await sink.connect(10);
    return connection;
  };
  const items = (...statuses: number[]) => ({
    status: 200,
    body: {
      errors: true,
      items: statuses.map((status) => ({ create: { status, error: { type: 'some_exception' } } })),
    },
  });

  test('creates each event under its own id', async () => {
    answer = () => items(201, 201);
    const elastic = await connect();
    expect(await sendAll(elastic, shippedEvents(10, 2))).toEqual([]);
    expect(elastic.acknowledged()).toBe(12);
    const [request] = requests;
    expect(request?.headers).toMatchObject({
      authorization: 'ApiKey k',
      'content-type': 'application/x-ndjson',
    });
    const lines =
      request?.body
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>) ?? [];
    expect(lines[0]).toEqual({ create: { _index: 'aduana', _id: '018f0000-0000-7000-8000-000000000010' } });
    expect(lines[1]).toMatchObject({ metadata: { sequence: 10 } });
    expect(lines).toHaveLength(4);
  });

  test('takes an event that exists already for acknowledged', async () => {
    answer = () => items(409, 201);
    const elastic = await connect();
    expect(await sendAll(elastic, shippedEvents(10, 2))).toEqual([]);
    expect(elastic.acknowledged()).toBe(12);
  });

  test('goes no further than the first event that is worth another try', async () => {
    answer = () => items(201, 429, 201);
    const elastic = await connect();
    await expect(sendAll(elastic, shippedEvents(10, 3))).rejects.toThrow('a part of the batch');
    expect(elastic.acknowledged()).toBe(11);
  });

  test('sets aside what is refused for good', async () => {
    answer = () => items(201, 400, 201);
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
    answer = () => ({
      status: 200,
      body: { items: [201, status].map((each) => ({ create: { status: each, error: { type } } })) },
    });
    const elastic = await connect();
    await expect(sendAll(elastic, shippedEvents(10, 2))).rejects.toThrow('a part of the batch');
    expect(elastic.acknowledged()).toBe(11);
  });

  test('sends less at once to whom a body is too large, and sets aside the one event that is', async () => {
    answer = ({ body }) => {
      const ids = body.match(/"_id":"[^"]+"/g) ?? [];
      const isTooLarge = ids.length > 2 || (ids.length > 0 && body.includes('000000000013"}'));
      return isTooLarge ? { status: 413, body: {} } : items(...ids.map(() => 201));
    };
    const elastic = await connect();
    expect(await sendAll(elastic, shippedEvents(10, 7))).toEqual([
      { position: 13, reason: 'too large for the receiver' },
    ]);
    expect(elastic.acknowledged()).toBe(17);
    const taken = requests.filter(({ body }) => (body.match(/_id/g) ?? []).length <= 2);
    expect(taken.length).toBeLessThanOrEqual(7);
  });

  test('sends whole batches again soon after one event was too large', async () => {
    const idsIn = (body: string): string[] => body.match(/"_id":"[^"]+"/g) ?? [];
    answer = ({ body }) =>
      body.includes('000000000013"}') ? { status: 413, body: {} } : items(...idsIn(body).map(() => 201));
    const elastic = await connect();
    expect(await sendAll(elastic, shippedEvents(10, 500))).toHaveLength(1);
    expect(elastic.acknowledged()).toBe(510);
    await sendAll(elastic, shippedEvents(510, 500));
    requests = [];
    await sendAll(elastic, shippedEvents(1010, 1000));
    expect(requests.length).toBeLessThanOrEqual(6);
  });

  test.each([
    [{ 'retry-after': '7' }, 7000],
    [{ date: 'Thu, 01 Jan 2026 00:00:00 GMT', 'retry-after': 'Thu, 01 Jan 2026 00:00:20 GMT' }, 20_000],
    [{ 'retry-after': '86400' }, 300_000],
    [{ 'retry-after': 'soon' }, 0],
    [{}, 0],
  ])('tells for how long the receiver asks to be left alone: %j', async (headers, milliseconds) => {
    answer = () => ({ status: 429, body: {}, headers });
    const elastic = await connect();
    await expect(sendAll(elastic, shippedEvents(10, 3))).rejects.toMatchObject({
      retryAfterMilliseconds: milliseconds,
    });
    expect(elastic.acknowledged()).toBe(10);
  });

  test.each([429, 500, 503, 401, 404])('acknowledges nothing on %d', async (status) => {
    answer = () => ({ status, body: {} });
    const elastic = await connect();
    await expect(sendAll(elastic, shippedEvents(10, 3))).rejects.toThrow(`answered ${String(status)}`);
    expect(elastic.acknowledged()).toBe(10);
  });
});

test('a receiver that hangs, before its answer or in it, is given up after half a minute', async () => {
  for (const hangs of ['before', 'within'] as const) {
    answer = () => ({ status: 200, body: {}, hangs });
    const { url, ca } = double;
    const settings = { name: 'o', kind: 'otlp_http', format: 'ocsf', url, headers: {}, tls: { ca } } as const;
    const hurried = createHurriedClock(100);
    connection = await createOtlpSink(settings, hurried).connect(0);
    await expect(connection.send(shippedEvents(0, 1))).rejects.toThrow('the receiver does not answer');
    expect(hurried.monotonic()).toBeGreaterThan(29_000);
    expect(connection.acknowledged()).toBe(0);
    await connection.close();
  }
});

describe('the Splunk sink', () => {
  const connect = async (acknowledge = true, time: Clock = clock): Promise<SinkConnection> => {
    const { url, ca } = double;
    const sink = createSplunkSink(
      { name: 's', kind: 'splunk_hec', format: 'ocsf', url, token: 't', acknowledge, tls: { ca } },
      time,
    );
    connection = await sink.connect(10);
    return connection;
  };

  test('counts a batch once the indexer has it', async () => {
    let asked = 0;
    answer = ({ path }) => {
      if (!path.startsWith('/services/collector/ack'))
        return { status: 200, body: { text: 'Success', code: 0, ackId: 7 } };
      asked += 1;
      return { status: 200, body: { acks: { '7': asked > 1 } } };
    };
    const splunk = await connect();
    await sendAll(splunk, shippedEvents(10, 2));
    expect(asked).toBe(2);
    expect(splunk.acknowledged()).toBe(12);
    const [first, second] = requests;
    expect(first).toMatchObject({
      path: '/services/collector/event',
      headers: { authorization: 'Splunk t' },
    });
    const channel = first?.headers['x-splunk-request-channel'];
    expect(second?.path).toBe(`/services/collector/ack?channel=${String(channel)}`);
    expect(second?.body).toBe('{"acks":[7]}');
    const events = first?.body.split('\n').map((line) => JSON.parse(line) as Record<string, unknown>) ?? [];
    expect(events[0]).toMatchObject({
      time: 1_767_225_600.123,
      fields: { seq: 10 },
      event: { metadata: { sequence: 10 } },
    });
  });

  test('acknowledges nothing where the token does not', async () => {
    answer = () => ({ status: 200, body: { text: 'Success', code: 0 } });
    const splunk = await connect();
    await expect(sendAll(splunk, shippedEvents(10, 1))).rejects.toThrow('does not acknowledge');
    expect(splunk.acknowledged()).toBe(10);
  });

  test('finds the one event for which a batch is refused', async () => {
    answer = ({ body }) =>
      body.includes('"seq":11')
        ? { status: 400, body: { text: 'Invalid data format', code: 6 } }
        : { status: 200, body: { code: 0 } };
    const splunk = await connect(false);
    expect(await sendAll(splunk, shippedEvents(10, 3))).toEqual([{ position: 11, reason: 'code 6' }]);
    expect(splunk.acknowledged()).toBe(13);
  });

  test('counts each part that is indexed, so that a slow indexer and one refused event stop nothing', async () => {
    let asked = 0;
    answer = ({ path, body }) => {
      if (path.startsWith('/services/collector/ack'))
        return { status: 200, body: { acks: { '7': (asked += 1) % 2 === 0 } } };
      return body.includes('"seq":250')
        ? { status: 400, body: { text: 'Invalid data format', code: 6 } }
        : { status: 200, body: { code: 0, ackId: 7 } };
    };
    let slept = 0;
    const sleep = (milliseconds: number): Promise<void> => Promise.resolve(void (slept += milliseconds));
    const splunk = await connect(true, { ...clock, sleep, monotonic: () => slept });
    const first = await splunk.send(shippedEvents(10, 500));
    expect(first.taken).toBeLessThan(250);
    expect(splunk.acknowledged()).toBe(10 + first.taken);
    const { taken } = first;
    expect(await sendAll(splunk, shippedEvents(10 + taken, 500 - taken))).toEqual([
      { position: 250, reason: 'code 6' },
    ]);
    expect(splunk.acknowledged()).toBe(510);
    expect(requests.filter(({ path }) => path.endsWith('/event')).length).toBeLessThan(60);
  });

  test.each([7, 10, 11, 14, 16])(
    'does not set aside what index, channel or token are refused for: code %d',
    async (code) => {
      answer = () => ({ status: 400, body: { code } });
      const splunk = await connect(false);
      await expect(sendAll(splunk, shippedEvents(10, 3))).rejects.toThrow(
        `answered 400, code ${String(code)}`,
      );
      expect(requests).toHaveLength(1);
      expect(splunk.acknowledged()).toBe(10);
    },
  );

  test('acknowledges nothing while the indexer does not, and lets itself be closed meanwhile', async () => {
    answer = ({ path }) =>
      path.startsWith('/services/collector/ack')
        ? { status: 200, body: { acks: { '7': false } } }
        : { status: 200, body: { code: 0, ackId: 7 } };
    const splunk = await connect();
    const sending = sendAll(splunk, shippedEvents(10, 1));
    await Promise.all([expect(sending).rejects.toThrow(), untilAsked('ack').then(() => splunk.close())]);
    expect(splunk.acknowledged()).toBe(10);
  });

  test.each([403, 503])('acknowledges nothing on %d', async (status) => {
    answer = () => ({ status, body: { code: 9 } });
    const splunk = await connect();
    await expect(sendAll(splunk, shippedEvents(10, 1))).rejects.toThrow(`answered ${String(status)}`);
    expect(splunk.acknowledged()).toBe(10);
  });
});

describe('the OTLP sink', () => {
  const connect = async (): Promise<SinkConnection> => {
    const { url, ca } = double;
    const sink = createOtlpSink(
      {
        name: 'o',
        kind: 'otlp_http',
        format: 'ocsf',
        url: `${url}/v1/logs`,
        headers: { 'x-key': 'k' },
        tls: { ca },
      },
      clock,
    );
    connection = await sink.connect(10);
    return connection;
  };

  test('sends log records with their dedupe key', async () => {
    answer = () => ({ status: 200, body: {} });
    const otlp = await connect();
    expect(await sendAll(otlp, shippedEvents(10, 1))).toEqual([]);
    expect(otlp.acknowledged()).toBe(11);
    expect(requests[0]).toMatchObject({
      path: '/v1/logs',
      headers: { 'x-key': 'k', 'content-type': 'application/json' },
    });
    const { resourceLogs } = JSON.parse(requests[0]?.body ?? '') as {
      resourceLogs: { scopeLogs: { logRecords: unknown[] }[] }[];
    };
    expect(resourceLogs[0]?.scopeLogs[0]?.logRecords).toEqual([
      expect.objectContaining({
        timeUnixNano: '1767225600123000000',
        severityNumber: 9,
        traceId: 'f'.repeat(32),
        attributes: expect.arrayContaining([
          { key: 'event.id', value: { stringValue: '018f0000-0000-7000-8000-000000000010' } },
        ]) as unknown,
      }),
    ]);
  });

  test('finds what a partial success has rejected', async () => {
    answer = ({ body }) =>
      body.includes('000000000011"')
        ? { status: 200, body: { partialSuccess: { rejectedLogRecords: '1' } } }
        : { status: 200, body: {} };
    const otlp = await connect();
    expect(await sendAll(otlp, shippedEvents(10, 3))).toEqual([{ position: 11, reason: 'rejected' }]);
    expect(otlp.acknowledged()).toBe(13);
  });

  test.each([429, 503, 401, 403, 404])(
    'sets nothing aside and acknowledges nothing on %d',
    async (status) => {
      answer = () => ({ status, body: {} });
      const otlp = await connect();
      await expect(sendAll(otlp, shippedEvents(10, 3))).rejects.toThrow(String(status));
      expect(requests).toHaveLength(1);
      expect(otlp.acknowledged()).toBe(10);
    },
  );
});
