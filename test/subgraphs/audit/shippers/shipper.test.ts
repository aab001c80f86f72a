import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type Clock, createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import type { Sink } from '../../../../subgraphs/audit/shippers/sink.ts';
import { Shipper } from '../../../../subgraphs/audit/shippers/shipper.ts';
import { createSinkCursors } from '../../../../subgraphs/audit/shippers/sink-cursors.ts';
import { postedBody, postedEvent } from '../../../support/audit-events.ts';
import { createHurriedClock } from '../../../support/hurried-clock.ts';
import { openTestLog, type TestLog } from '../../../support/open-test-log.ts';
import { describeStores } from '../../../support/stores.ts';
import { until } from '../../../support/until.ts';

const clock = createSystemClock();

describeStores('a shipper', (openStore) => {
  let audit: TestLog;
  let shippers: Shipper[];
  beforeEach(async () => {
    audit = await openTestLog(openStore);
    shippers = [];
    await post(20);
  });
  afterEach(async () => {
    await Promise.all(shippers.map((shipper) => shipper.stop()));
    await audit.remove();
  });

  const post = (count: number) =>
    audit.log.ingest.accept('gateway', postedBody(...Array.from({ length: count }, () => postedEvent())));

  /** A receiver that remembers, and fails as a test sets it. */
  function createReceiver() {
    const receiver = {
      received: [] as number[],
      /** Everything, in its order: `3` for an entry, `checkpoint-4-...` for a checkpoint. */
      stream: [] as string[],
      connections: 0,
      failAfter: Infinity,
      refuses: -1,
      acknowledges: true,
      /** Of a time that runs a hundred times as fast. */
      pauseMilliseconds: 0,
    };
    const sink: Sink = {
      connect(from) {
        receiver.connections += 1;
        let acknowledged = from;
        return Promise.resolve({
          async send(events) {
            await clock.sleep(receiver.pauseMilliseconds / 100);
            for (const { seq, id } of events) {
              if (receiver.received.length >= receiver.failAfter) {
                receiver.failAfter = Infinity;
                throw new Error('cut');
              }
              receiver.stream.push(seq === undefined ? id : String(seq));
              if (seq !== undefined) receiver.received.push(seq);
            }
            if (receiver.acknowledges) acknowledged = (events.at(-1)?.position ?? -1) + 1;
            const dead = events.filter(({ seq }) => seq === receiver.refuses);
            return { taken: events.length, dead: dead.map(({ position }) => ({ position, reason: 'no' })) };
          },
          acknowledged: () => acknowledged,
          close: () => Promise.resolve(),
        });
      },
    };
    return { receiver, sink };
  }

  function start(sink: Sink, holder = 'me', time: Clock = clock): Shipper {
    const shipper = new Shipper({
      name: 'soc',
      format: 'ocsf',
      sink,
      cursors: createSinkCursors(audit.store.writer, holder, time),
      reader: audit.store.reader,
      vkeys: audit.log.vkeys,
      clock: time,
      log: createLog('silent', () => undefined),
      onDeadLetters: () => undefined,
    });
    shippers.push(shipper);
    return shipper;
  }

  async function cursor(): Promise<number> {
    const { rows } = await audit.store.reader.query<{ cursor: number }>(
      `SELECT cursor FROM sinks WHERE name = 'soc'`,
    );
    return rows[0]?.cursor ?? 0;
  }

  const upTo = (size: number): number[] => Array.from({ length: size }, (_, seq) => seq);

  test('brings the whole log in order, and what comes later', async () => {
    const { receiver, sink } = createReceiver();
    start(sink);
    await until(async () => (await cursor()) === 21);
    await post(5);
    await until(async () => (await cursor()) === 26);
    expect(receiver.received).toEqual(upTo(26));
  });

  test('sends again whatever was not acknowledged when the connection broke', async () => {
    const { receiver, sink } = createReceiver();
    receiver.failAfter = 7;
    const shipper = start(sink);
    await until(async () => (await cursor()) === 21);
    expect(receiver.received).toEqual([...upTo(7), ...upTo(21)]);
    expect(receiver.connections).toBe(2);
    expect(shipper.lastError).toBeUndefined();
  });

  test('goes on after a restart where the acknowledgements ended', async () => {
    const first = createReceiver();
    start(first.sink);
    await until(async () => (await cursor()) === 21);
    await Promise.all(shippers.map((shipper) => shipper.stop()));
    await post(3);
    const second = createReceiver();
    start(second.sink, 'another process');
    await until(async () => (await cursor()) === 24);
    expect(second.receiver.received).toEqual([21, 22, 23]);
  });

  const checkpointSizes = (stream: readonly string[]): number[] =>
    stream.filter((id) => id.startsWith('checkpoint-')).map((id) => Number(id.split('-')[1]));

  test('brings each checkpoint after the entries that it covers, once, and the log grows by none', async () => {
    const { receiver, sink } = createReceiver();
    await audit.log.advance();
    start(sink);
    await until(() => checkpointSizes(receiver.stream).includes(21));
    await post(5);
    await audit.log.advance();
    await until(() => checkpointSizes(receiver.stream).includes(26));
    const sizes = checkpointSizes(receiver.stream);
    expect(sizes).toEqual([...new Set(sizes)].sort((a, b) => a - b));
    for (const size of sizes) {
      const at = receiver.stream.findIndex((id) => id.startsWith(`checkpoint-${String(size)}-`));
      expect(receiver.stream.slice(0, at)).toContain(String(size - 1));
    }
    await clock.sleep(1500);
    expect((await audit.log.integrity()).size).toBe(26);
    expect(checkpointSizes(receiver.stream)).toEqual(sizes);
    const { rows } = await audit.store.reader.query(`SELECT checkpoint_size FROM sinks WHERE name = 'soc'`);
    expect(rows).toEqual([{ checkpoint_size: 26 }]);
  });

  test('brings a checkpoint again that was not acknowledged, and one only that was', async () => {
    await audit.log.advance();
    const first = createReceiver();
    start(first.sink);
    await until(() => checkpointSizes(first.receiver.stream).includes(21));
    await until(async () => (await cursor()) === 21);
    await Promise.all(shippers.map((shipper) => shipper.stop()));
    await post(3);
    await audit.log.advance();
    const second = createReceiver();
    second.receiver.acknowledges = false;
    start(second.sink, 'another process');
    await until(() => checkpointSizes(second.receiver.stream).includes(24));
    await Promise.all(shippers.map((shipper) => shipper.stop()));
    const third = createReceiver();
    start(third.sink, 'a third one');
    await until(() => checkpointSizes(third.receiver.stream).includes(24));
    expect(third.receiver.stream.filter((id) => /^(\d+|checkpoint-24-.*)$/.test(id))).toEqual([
      '21',
      '22',
      '23',
      expect.stringMatching(/^checkpoint-24-[0-9a-f]{16}$/),
    ]);
  });

  test('moves nothing while nothing is acknowledged', async () => {
    const { receiver, sink } = createReceiver();
    receiver.acknowledges = false;
    start(sink);
    await until(() => receiver.received.length === 21);
    expect(await cursor()).toBe(0);
  });

  test('sets aside what is refused for good, and tells', async () => {
    const { receiver, sink } = createReceiver();
    receiver.refuses = 3;
    start(sink);
    await until(async () => (await cursor()) === 21);
    const { rows } = await audit.store.reader.query('SELECT sink, seq, reason FROM dead_letters');
    expect(rows).toEqual([{ sink: 'soc', seq: 3, reason: 'no' }]);
  });

  test('keeps a receiver that takes longer for an answer than a claim lasts', async () => {
    const hurried = createHurriedClock(100);
    const slow = createReceiver();
    const other = createReceiver();
    slow.receiver.pauseMilliseconds = 90_000;
    const shipper = start(slow.sink, 'the slow one', hurried);
    await until(() => slow.receiver.connections === 1);
    start(other.sink, 'its rival', hurried);
    await until(async () => (await cursor()) === 21);
    expect(shipper.lastError).toBeUndefined();
    expect(slow.receiver.received).toEqual(upTo(21));
    expect(other.receiver.received).toEqual([]);
  });

  test('leaves a receiver to one replica', async () => {
    const first = createReceiver();
    const second = createReceiver();
    start(first.sink, 'one');
    await until(async () => (await cursor()) === 21);
    start(second.sink, 'two');
    await post(5);
    await until(async () => (await cursor()) === 26);
    expect(first.receiver.received).toEqual(upTo(26));
    expect(second.receiver.received).toEqual([]);
  });
});
