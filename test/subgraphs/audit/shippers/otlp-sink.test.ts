import { describe, expect, test } from '@jest/globals';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createOtlpSink } from '../../../../subgraphs/audit/shippers/otlp-sink.ts';
import type { SinkConnection } from '../../../../subgraphs/audit/shippers/sink.ts';
import { createHurriedClock } from '../../../support/hurried-clock.ts';
import { sendAll, shippedEvents } from '../../../support/shipped-events.ts';
import { openSinkReceiver } from '../../../support/sink-receiver.ts';

const clock = createSystemClock();
const receiver = openSinkReceiver();

test('a receiver that hangs, before its answer or in it, is given up after half a minute', async () => {
  for (const hangs of ['before', 'within'] as const) {
    receiver.answer = () => ({ status: 200, body: {}, hangs });
    const { url, ca } = receiver;
    const settings = { name: 'o', kind: 'otlp_http', format: 'ocsf', url, headers: {}, tls: { ca } } as const;
    const hurried = createHurriedClock(100);
    const connection = await receiver.connect(createOtlpSink(settings, hurried), 0);
    await expect(connection.send(shippedEvents(0, 1))).rejects.toThrow('the receiver does not answer');
    expect(hurried.monotonic()).toBeGreaterThan(29_000);
    expect(connection.acknowledged()).toBe(0);
    await connection.close();
  }
});

describe('the OTLP sink', () => {
  const connect = async (): Promise<SinkConnection> => {
    const { url, ca } = receiver;
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
    return receiver.connect(sink, 10);
  };

  test('sends log records with their dedupe key', async () => {
    receiver.answer = () => ({ status: 200, body: {} });
    const otlp = await connect();
    expect(await sendAll(otlp, shippedEvents(10, 1))).toEqual([]);
    expect(otlp.acknowledged()).toBe(11);
    expect(receiver.requests[0]).toMatchObject({
      path: '/v1/logs',
      headers: { 'x-key': 'k', 'content-type': 'application/json' },
    });
    const { resourceLogs } = JSON.parse(receiver.requests[0]?.body ?? '') as {
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
    receiver.answer = ({ body }) =>
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
      receiver.answer = () => ({ status, body: {} });
      const otlp = await connect();
      await expect(sendAll(otlp, shippedEvents(10, 3))).rejects.toThrow(String(status));
      expect(receiver.requests).toHaveLength(1);
      expect(otlp.acknowledged()).toBe(10);
    },
  );
});
