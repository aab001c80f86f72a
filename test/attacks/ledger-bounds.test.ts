/** The attacker has the certificate of one service, and wants to kill every audit replica, or to hide what it lost. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventLedger } from '@aduana/audit-verifier/event-ledger';
import { type LedgerSnapshot, SourceLedger } from '../../subgraphs/audit/checkpoints/source-ledger.ts';
import { readVerified, writeVerified } from '../../subgraphs/audit/checkpoints/verified-file.ts';
import { postedBody, postedEvent } from '../support/audit-events.ts';
import { openTestLog, type TestLog } from '../support/open-test-log.ts';
import { describeOneStore } from '../support/stores.ts';

const MEGABYTE = 1_000_000;
const eventOf = (peer: string, bootId: string, n: number, members: object = {}) => ({
  id: `${bootId}.${String(n)}`,
  time: '2026-01-01T00:00:00.000Z',
  type: 'app.done',
  source: { peer, instance: `${peer}@1`, boot_id: bootId, n },
  ...members,
});
/** Every second number of five hundred, from `from` on. */
const everySecond = (from: number) => Array.from({ length: 500 }, (_, i) => [from + 2 * i, from + 2 * i]);
const gapOf = (bootId: string, from: number) =>
  eventOf('leads', bootId, from + 1001, {
    type: 'audit.gap',
    detail: { count: 1, ranges: everySecond(from + 2) },
  });
const intentOf = (n: number, auditId: unknown) =>
  eventOf('gateway', 'b', n, { type: 'request.intent', detail: { audit_id: auditId } });
const sizeOf = (ledger: SourceLedger): number => JSON.stringify(ledger.snapshot()).length;
const reopened = (ledger: SourceLedger) =>
  new SourceLedger(JSON.parse(JSON.stringify(ledger.snapshot())) as LedgerSnapshot);

test('a service that admits scattered losses of many boots takes bounded room, and has a finding', () => {
  const ledger = new SourceLedger();
  for (const n of [0, 2]) ledger.add(eventOf('gateway', 'g', n));
  for (let boot = 0; boot < 500; boot += 1)
    for (const from of [0, 1002]) ledger.add(gapOf(String(boot), from));
  expect(sizeOf(ledger)).toBeLessThan(MEGABYTE);
  expect(ledger.holes()).toHaveLength(1000);
  expect(ledger.overBound()).toEqual([{ peer: 'leads', ranges: expect.any(Number), intents: 0 }]);
  expect(ledger.overBound()[0]?.ranges).toBeGreaterThan(470_000);
  expect(reopened(ledger).overBound()).toEqual(ledger.overBound());
  expect(ledger.holes().slice(0, 1)).toMatchObject([{ bootId: 'g', from: 1, to: 1 }]);
  ledger.add(eventOf('gateway', 'g', 1));
  ledger.add(eventOf('gateway', 'g', 3));
  expect(ledger.holes().filter(({ bootId }) => bootId === 'g')).toEqual([]);
});

test('a loss stays a finding where it was dropped, and all that is left of it is filled', () => {
  const ledger = new SourceLedger();
  for (let n = 0; n <= 2000; n += 2) ledger.add(eventOf('leads', 'b', n)); // 1999 will never come
  for (let n = 1; n < 1998; n += 2) ledger.add(eventOf('leads', 'b', n));
  expect(ledger.overBound()).toMatchObject([{ peer: 'leads' }]);
  const restarted = new SourceLedger();
  for (const n of [0, 2]) restarted.add(eventOf('leads', 'lossy', n));
  for (let boot = 0; boot < 10_000; boot += 1) restarted.add(eventOf('leads', String(boot), 0));
  expect(restarted.holes()).toEqual([]);
  expect(restarted.overBound()).toEqual([{ peer: 'leads', ranges: 2, intents: 0 }]);
});

test('who restarts often without a loss has none, also where the first entries are dropped', () => {
  const ledger = SourceLedger.beginningLate();
  ledger.add(eventOf('leads', 'long', 7));
  for (let boot = 0; boot < 10_000; boot += 1) ledger.add(eventOf('leads', String(boot), 0));
  expect([ledger.holes(), ledger.overBound()]).toEqual([[], []]);
  const after = reopened(ledger);
  after.add(eventOf('leads', 'long', 9)); // 8 is lost: what is forgotten is asked for from the start
  expect(after.holes()).toMatchObject([{ bootId: 'long', to: 8 }]);
});

test('a captured gateway that begins without end takes bounded room, and has a finding', () => {
  const ledger = new SourceLedger();
  ledger.add(eventOf('gateway', 'other', 0));
  for (let n = 0; n < 30_000; n += 1) ledger.add(intentOf(n, String(n).padEnd(3000, 'x')));
  expect(sizeOf(ledger)).toBeLessThan(3 * MEGABYTE);
  expect(ledger.openIntentsBefore(Infinity)).toBe(20_000);
  expect(ledger.overBound()).toEqual([{ peer: 'gateway', ranges: 0, intents: 10_000 }]);
  for (let n = 0; n < 30_000; n += 1)
    ledger.add(
      eventOf('audit', 'a', n, {
        type: 'request.unknown',
        detail: { peer: 'gateway', audit_id: String(n).padEnd(3000, 'x') },
      }),
    );
  expect(ledger.openIntentsBefore(Infinity)).toBe(0);
  expect(reopened(ledger).overBound()).toMatchObject([{ intents: 10_000 }]);
});

test.each([{ toString: 1 }, ['x'], null, 5, undefined])(
  'an intent of %j is open until the log knows its outcome, and stops no verification',
  (auditId) => {
    const ledger = new SourceLedger();
    const offline = new EventLedger(false, Infinity);
    const openAfter = (event: ReturnType<typeof eventOf>) => {
      ledger.add(event);
      offline.add(event, 0);
      return [ledger.openIntentsBefore(Infinity), offline.findings().openIntents.length];
    };
    expect(openAfter(intentOf(0, auditId))).toEqual([1, 1]);
    const detail = { peer: 'gateway', audit_id: auditId };
    expect(openAfter(eventOf('audit', 'a', 0, { type: 'request.unknown', detail }))).toEqual([0, 0]);
  },
);

test('what an older release has kept on disk is read within the bound, and doubted where it was full', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'aduana-ledger-'));
  const file = join(folder, 'verified');
  const counted = Array.from({ length: 1000 }, (_, i) => [2 * i, 2 * i]);
  const boots = Array.from({ length: 200 }, (_, boot) => {
    return { peer: 'leads', instance: 'l"]},{[\\', bootId: String(boot), start: 0, counted };
  });
  const intents = Array.from({ length: 25_000 }, (_, i) => [`gateway ${String(i).padEnd(2000, 'x')}`, 5]);
  const full = { peer: 'orders', instance: 'o', bootId: 'b', start: 0, counted };
  const whole = { peer: 'sts', instance: 's', bootId: 'b', start: 0, counted: [[0, 9]] };
  const old = { size: 7, root: 'ab', beganLate: true, boots: [whole, full, ...boots], intents };
  await writeFile(file, JSON.stringify(old));
  const { size, root, ledger } = await readVerified(file);
  expect([size, root]).toEqual([7, 'ab']);
  expect(sizeOf(ledger)).toBeLessThan(4 * MEGABYTE);
  const found = ledger.overBound();
  expect(found.map(({ peer }) => peer)).toEqual(['orders', 'leads', 'gateway']);
  expect(found.at(-1)).toEqual({ peer: 'gateway', ranges: 0, intents: 5000 });
  expect(ledger.holes()).toHaveLength(1000);
  await writeVerified(file, { size: 8, root: 'cd', ledger });
  const again = await readVerified(file);
  expect([again.size, again.root, again.ledger.snapshot()]).toEqual([8, 'cd', ledger.snapshot()]);
  await writeFile(file, JSON.stringify(old).slice(0, 3_000_000));
  await expect(readVerified(file)).rejects.toThrow();
  await rm(folder, { recursive: true });
});

describeOneStore('a log that holds more than is kept account of', (openStore) => {
  let audit: TestLog;
  beforeAll(async () => {
    audit = await openTestLog(openStore);
  });
  afterAll(() => audit.remove());

  test('is INCOMPLETE, says of whom, and says so in the log, also after a restart', async () => {
    const source = { instance: 'leads@1', boot_id: 'b', n: 0 };
    for (let part = 0; part < 3; part += 1) {
      const detail = { count: 1, ranges: everySecond(2 + part * 1000) };
      const gap = postedEvent({ source: { ...source, n: 1001 + part * 1000 }, type: 'audit.gap', detail });
      await audit.log.ingest.accept('leads', postedBody(gap));
    }
    await audit.log.advance();
    await audit.log.verify();
    const found = { status: 'INCOMPLETE', overBound: [{ peer: 'leads', intents: 0 }] };
    expect(await audit.log.integrity()).toMatchObject(found);
    await audit.restart();
    expect(await audit.log.integrity()).toMatchObject(found);
    const { rows } = await audit.store.superuser.query<{ canonical: string }>(
      `SELECT canonical FROM audit.entries WHERE type = 'audit.incomplete' ORDER BY seq`,
    );
    expect(JSON.parse(rows[0]?.canonical ?? '')).toMatchObject({ detail: { over_bound: ['leads'] } });
  });
});
