import { describe, expect, test } from '@jest/globals';
import { type Clock, createSystemClock } from '@aduana/core/platform/clock';
import type { SinkConnection } from '../../../../subgraphs/audit/shippers/sink.ts';
import { createSplunkSink } from '../../../../subgraphs/audit/shippers/splunk-sink.ts';
import { sendAll, shippedEvents } from '../../../support/shipped-events.ts';
import { openSinkReceiver } from '../../../support/sink-receiver.ts';

const clock = createSystemClock();
const receiver = openSinkReceiver();

describe('the Splunk sink', () => {
  const connect = async (acknowledge = true, time: Clock = clock): Promise<SinkConnection> => {
    const { url, ca } = receiver;
    const sink = createSplunkSink(
      { name: 's', kind: 'splunk_hec', format: 'ocsf', url, token: 't', acknowledge, tls: { ca } },
      time,
    );
    return receiver.connect(sink, 10);
  };

  test('counts a batch once the indexer has it', async () => {
    let asked = 0;
    receiver.answer = ({ path }) => {
      if (!path.startsWith('/services/collector/ack'))
        return { status: 200, body: { text: 'Success', code: 0, ackId: 7 } };
      asked += 1;
      return { status: 200, body: { acks: { '7': asked > 1 } } };
    };
    const splunk = await connect();
    await sendAll(splunk, shippedEvents(10, 2));
    expect(asked).toBe(2);
    expect(splunk.acknowledged()).toBe(12);
    const [first, second] = receiver.requests;
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
    receiver.answer = () => ({ status: 200, body: { text: 'Success', code: 0 } });
    const splunk = await connect();
    await expect(sendAll(splunk, shippedEvents(10, 1))).rejects.toThrow('does not acknowledge');
    expect(splunk.acknowledged()).toBe(10);
  });

  test('finds the one event for which a batch is refused', async () => {
    receiver.answer = ({ body }) =>
      body.includes('"seq":11')
        ? { status: 400, body: { text: 'Invalid data format', code: 6 } }
        : { status: 200, body: { code: 0 } };
    const splunk = await connect(false);
    expect(await sendAll(splunk, shippedEvents(10, 3))).toEqual([{ position: 11, reason: 'code 6' }]);
    expect(splunk.acknowledged()).toBe(13);
  });

  test('counts each part that is indexed, so that a slow indexer and one refused event stop nothing', async () => {
    let asked = 0;
    receiver.answer = ({ path, body }) => {
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
    expect(receiver.requests.filter(({ path }) => path.endsWith('/event')).length).toBeLessThan(60);
  });

  test.each([7, 10, 11, 14, 16])(
    'does not set aside what index, channel or token are refused for: code %d',
    async (code) => {
      receiver.answer = () => ({ status: 400, body: { code } });
      const splunk = await connect(false);
      await expect(sendAll(splunk, shippedEvents(10, 3))).rejects.toThrow(
        `answered 400, code ${String(code)}`,
      );
      expect(receiver.requests).toHaveLength(1);
      expect(splunk.acknowledged()).toBe(10);
    },
  );

  test('acknowledges nothing while the indexer does not, and lets itself be closed meanwhile', async () => {
    receiver.answer = ({ path }) =>
      path.startsWith('/services/collector/ack')
        ? { status: 200, body: { acks: { '7': false } } }
        : { status: 200, body: { code: 0, ackId: 7 } };
    const splunk = await connect();
    const sending = sendAll(splunk, shippedEvents(10, 1));
    await Promise.all([
      expect(sending).rejects.toThrow(),
      receiver.untilAsked('ack').then(() => splunk.close()),
    ]);
    expect(splunk.acknowledged()).toBe(10);
  });

  test.each([403, 503])('acknowledges nothing on %d', async (status) => {
    receiver.answer = () => ({ status, body: { code: 9 } });
    const splunk = await connect();
    await expect(sendAll(splunk, shippedEvents(10, 1))).rejects.toThrow(`answered ${String(status)}`);
    expect(splunk.acknowledged()).toBe(10);
  });
});
