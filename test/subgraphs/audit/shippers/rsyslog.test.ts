import { afterEach, expect, test } from '@jest/globals';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createRelpSink } from '../../../../subgraphs/audit/shippers/relp-sink.ts';
import type { SinkConnection } from '../../../../subgraphs/audit/shippers/sink.ts';
import { createSyslogSink } from '../../../../subgraphs/audit/shippers/syslog-sink.ts';
import { describeRsyslog, openRsyslog, type Rsyslog } from '../../../support/rsyslog.ts';
import { sendAll, shippedEvents } from '../../../support/shipped-events.ts';
import { until } from '../../../support/until.ts';

const clock = createSystemClock();
const TOTAL = 4000;

describeRsyslog('against rsyslog', () => {
  let rsyslog: Rsyslog | undefined;
  let connection: SinkConnection | undefined;
  afterEach(async () => {
    await connection?.close();
    await rsyslog?.remove();
    connection = rsyslog = undefined;
  });

  async function open(module: 'imtcp' | 'imrelp') {
    const receiver = await openRsyslog(module);
    rsyslog = receiver;
    await receiver.start();
    const settings = {
      name: 'r',
      format: 'ocsf',
      address: receiver.address,
      max_message_bytes: 65_536,
      tls: receiver.tls,
    } as const;
    const sink =
      module === 'imtcp'
        ? createSyslogSink({ kind: 'syslog_tls', ...settings }, 'test', clock)
        : createRelpSink({ kind: 'relp_tls', ...settings }, 'test', clock);
    return { receiver, sink };
  }

  const sequences = async (receiver: Rsyslog) =>
    [...new Set((await receiver.received()).map(({ metadata }) => metadata.sequence))].sort((a, b) => a - b);

  test('RELP over TLS: what is acknowledged is there', async () => {
    const { receiver, sink } = await open('imrelp');
    connection = await sink.connect(0);
    expect(await sendAll(connection, shippedEvents(0, 500))).toEqual([]);
    expect(connection.acknowledged()).toBe(500);
    await until(async () => (await sequences(receiver)).length === 500);
  });

  test('RELP over TLS: a receiver killed in the middle costs nothing', async () => {
    const { receiver, sink } = await open('imrelp');
    let cursor = 0;
    let kills = 0;
    while (cursor < TOTAL) {
      try {
        connection = await sink.connect(cursor);
        while (cursor < TOTAL) {
          const sending = connection.send(shippedEvents(cursor, Math.min(500, TOTAL - cursor)));
          if (kills < 3) {
            kills += 1;
            await clock.sleep(20);
            await receiver.kill();
          }
          await sending;
          cursor = connection.acknowledged();
        }
      } catch {
        await connection?.close();
        await receiver.start();
      }
    }
    await until(async () => (await sequences(receiver)).length === TOTAL);
  });

  test('syslog over TLS: a message counts only once its connection has lived on', async () => {
    const { receiver, sink } = await open('imtcp');
    connection = await sink.connect(0);
    await connection.send(shippedEvents(0, 500));
    expect(connection.acknowledged()).toBe(0);
    await until(async () => (await sequences(receiver)).length === 500);
    await until(() => connection?.acknowledged() === 500);
  });

  test('syslog over TLS: what a killed receiver had swallowed is sent again', async () => {
    const { receiver, sink } = await open('imtcp');
    connection = await sink.connect(0);
    await connection.send(shippedEvents(0, 2000));
    await receiver.kill();
    await until(() => {
      try {
        return connection?.acknowledged() === -1;
      } catch {
        return true;
      }
    });
    await receiver.start();
    connection = await sink.connect(0);
    await connection.send(shippedEvents(0, 2000));
    await until(() => connection?.acknowledged() === 2000);
    expect(await sequences(receiver)).toHaveLength(2000);
  });

  test('a message longer than the limit is set aside, not cut', async () => {
    const { receiver, sink } = await open('imrelp');
    connection = await sink.connect(0);
    const [first, long, last] = shippedEvents(0, 3);
    if (first === undefined || long === undefined || last === undefined)
      throw new TypeError('too few events');
    const dead = await sendAll(connection, [
      first,
      { ...long, text: JSON.stringify('x'.repeat(70_000)) },
      last,
    ]);
    expect(dead).toEqual([{ position: 1, reason: 'longer than max_message_bytes' }]);
    await until(async () => (await sequences(receiver)).length === 2);
  });

  test('a receiver whose certificate is of another CA gets nothing', async () => {
    const { receiver } = await open('imrelp');
    const other = await openRsyslog('imrelp');
    try {
      const sink = createRelpSink(
        {
          name: 'r',
          kind: 'relp_tls',
          format: 'ocsf',
          address: receiver.address,
          max_message_bytes: 65_536,
          tls: other.tls,
        },
        'test',
        clock,
      );
      await expect(sink.connect(0)).rejects.toThrow();
    } finally {
      await other.remove();
    }
  });
});
