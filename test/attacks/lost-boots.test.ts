/** The attacker has the certificate of one service, and names boots without end: starts without a stop, each a lost boot. */
import { expect, test } from '@jest/globals';
import type { AuditRecord } from '@aduana/client/audit/audit-event';
import { canonicalText } from '@aduana/client/audit/canonical';
import { verifyExport } from '../../packages/audit-verifier/src/index.ts';
import { closeEndedInstances } from '../../subgraphs/audit/log/close-ended-instances.ts';
import { postedBody, postedEvent } from '../support/audit-events.ts';
import { writeExport } from '../support/exported-log.ts';
import { openTestLog } from '../support/open-test-log.ts';
import { describeStores } from '../support/stores.ts';

type Members = Readonly<Record<string, unknown>>;

const start = (instance: string, boot: number, detail: Members = {}) =>
  postedEvent({ type: 'source.start', source: { instance, boot_id: `b${String(boot)}`, n: 0 }, detail });

const startsOf = (instance: string, from: number, count: number) =>
  Array.from({ length: count }, (_, n) => start(instance, from + n));

describeStores('a service that loses thousands of boots', (openStore) => {
  test('is told of a hundred at a time, and keeps no other’s from being told', async () => {
    const audit = await openTestLog(openStore);
    const { ingest, reader } = audit.log;
    const told: Members[] = [];
    const sink = {
      record: (record: AuditRecord) => {
        told.push(record.detail as Members);
        return Promise.resolve('');
      },
    };
    await ingest.acceptHeld('leads', postedBody(...startsOf('l', 0, 300)));
    await ingest.acceptHeld('gateway', postedBody(...startsOf('g', 0, 2)));
    const first = await closeEndedInstances({ reader, sink, stopsFrom: 0 });
    expect(first.hasMore).toBe(true);
    expect(told).toHaveLength(101);
    expect(told.slice(0, 2)).toContainEqual(expect.objectContaining({ peer: 'gateway', boot_id: 'b0' }));
    const record = ([n, detail]: [number, Members]) =>
      postedEvent({ type: 'source.lost', source: { instance: 'a', boot_id: 'a', n }, detail });
    await ingest.acceptHeld('audit', postedBody(...[...told.entries()].map(record)));
    await closeEndedInstances({ reader, sink, stopsFrom: 0 });
    expect(new Set(told.map(({ peer, boot_id: id }) => `${String(peer)} ${String(id)}`)).size).toBe(201);
    await audit.remove();
  });

  test('and has recorded them all, makes a closing cost no more than to read them once', async () => {
    const audit = await openTestLog(openStore);
    const { ingest, reader } = audit.log;
    const lost = (boot: number) =>
      postedEvent({
        type: 'source.lost',
        source: { instance: 'a', boot_id: 'a', n: boot },
        detail: { peer: 'leads', instance: 'l', boot_id: `b${String(boot)}` },
      });
    await ingest.acceptHeld('leads', postedBody(...startsOf('l', 0, 2000)));
    await ingest.acceptHeld('audit', postedBody(...Array.from({ length: 2000 }, (_, n) => lost(n))));
    const sink = { record: () => Promise.reject(new Error('nothing is to be told')) };
    const began = performance.now();
    await reader.query(`SELECT count(canonical::json -> 'detail' ->> 'boot_id') FROM entries`);
    const once = performance.now() - began;
    expect(await closeEndedInstances({ reader, sink, stopsFrom: 0 })).toEqual({
      stopsFrom: 0,
      hasMore: false,
    });
    expect((performance.now() - began - once) / once).toBeLessThan(10); // twenty, were each compared with each
    await audit.remove();
  });
});

test('a verifier looks at each boot that a start names, and at no other', async () => {
  const previous = Array.from({ length: 500 }, (_, n) => `p${String(n)}`);

  async function millisecondsOf(boots: number): Promise<number> {
    const texts = Array.from({ length: boots }, (_, boot) =>
      canonicalText({
        ...start('l', boot, { spool: 'local', alive_seconds: 300, previous }),
        source: { peer: 'leads', instance: 'l', boot_id: `b${String(boot)}`, n: 0 },
      }),
    );
    const folder = await writeExport(texts);
    const began = performance.now();
    const { problems } = await verifyExport(folder);
    expect(problems).toHaveLength(boots - 1); // all but the newest
    return performance.now() - began;
  }

  await millisecondsOf(100);
  const [few, many] = [await millisecondsOf(500), await millisecondsOf(4000)];
  expect(many / few).toBeLessThan(15); // eight times as many; were all boots looked at, more than twenty times as long
});
