/**
 * The attacker may write to the folder in which an audit replica holds a peer's events, and has no key. It removes or cuts
 * segments where nothing looks damaged, so that a lost service reads as one that has lost nothing.
 */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtemp, readdir, readFile, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import { type HeldEvents, openHeldEvents } from '../../subgraphs/audit/log/held-events.ts';
import { postedBody, postedEvent } from '../support/audit-events.ts';
import { createHurriedClock } from '../support/hurried-clock.ts';
import { until } from '../support/until.ts';

/** A replica waits for the log for seconds before it stops. */
const clock = createHurriedClock(100);
const log = createLog('silent', () => undefined);

let home: string;
let isAway: boolean;
/** The numbers of the events that were appended. */
let appended: number[];
/** Of each `audit.unheld`, how many events it counts. */
let unheld: unknown[];
/** Whether what the replica records finds no place. */
let isUnrecorded: boolean;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'aduana-held-'));
  [isAway, appended, unheld, isUnrecorded] = [true, [], [], false];
});
afterEach(() => rm(home, { recursive: true }));

function open(): Promise<HeldEvents> {
  return openHeldEvents({
    ...{ folder: home, key: Buffer.alloc(32, 1), maxBytes: 1e8, log, clock, holds: true },
    metrics: createMetrics(),
    ingest: {
      acceptHeld(_, body) {
        if (isAway) return Promise.reject(new Error('the log is away'));
        const { events } = JSON.parse(body) as { events: { source: { n: number } }[] };
        appended.push(...events.map(({ source }) => source.n));
        return Promise.resolve(events.length);
      },
      closeHeld: () => undefined,
    },
    own: () => ({
      record(event) {
        if (isUnrecorded) return Promise.reject(new Error('no place'));
        unheld.push((event.detail as { count: number }).count);
        return Promise.resolve('');
      },
    }),
  });
}

/** Holds one group for each number, all in a segment of their own, and stops. */
async function hold(numbers: readonly number[]): Promise<void> {
  const into = await open();
  for (const n of numbers)
    await into.hold('gateway', postedBody(postedEvent({ source: { instance: 'g', boot_id: 'a', n } })));
  await into.stop();
}

/** What a start with the log makes of what is there. */
async function appendAll(): Promise<void> {
  isAway = false;
  const held = await open();
  held.begin();
  await until(() => held.isEmpty);
  await held.stop();
}

const folder = (): string => join(home, 'gateway');
const segments = async (): Promise<string[]> =>
  (await readdir(folder())).filter((name) => name.endsWith('.spool')).sort();
const pathOf = async (at: number): Promise<string> => join(folder(), (await segments()).at(at) ?? '');

/** Cuts a segment before its last group, where no damage shows. */
async function cutGroup(path: string): Promise<void> {
  await truncate(path, (await readFile(path)).lastIndexOf(Buffer.alloc(8)));
}

test('what nobody touches is appended, and nothing is reported', async () => {
  await hold([0, 1]);
  await hold([2]);
  await appendAll();
  await hold([3]);
  await appendAll();
  expect([appended, unheld]).toEqual([[0, 1, 2, 3], []]);
});

test.each([
  ['the newest segment, cut where a group begins', async () => cutGroup(await pathOf(-1)), [0, 1, 2, 3]],
  ['an older segment, cut where a group begins', async () => cutGroup(await pathOf(0)), [0, 2, 3, 4]],
  ['a segment that is empty', async () => truncate(await pathOf(0), 0), [2, 3, 4]],
  ['the newest segment, emptied', async () => truncate(await pathOf(-1), 0), [0, 1, 2]],
  ['the oldest segment, removed', async () => unlink(await pathOf(0)), [2, 3, 4]],
  ['one in the middle, removed', async () => unlink(await pathOf(1)), [0, 1, 3, 4]],
  ['the newest segment, removed', async () => unlink(await pathOf(-1)), [0, 1, 2]],
] as const)('%s, is reported', async (_, attack, left) => {
  await hold([0, 1]);
  await hold([2]);
  await hold([3, 4]);
  await attack();
  await appendAll();
  expect([appended, unheld]).toEqual([left, [1]]);
});

test('all segments, removed, are reported', async () => {
  await hold([0]);
  await hold([1]);
  for (const name of await segments()) await unlink(join(folder(), name));
  await appendAll();
  expect([appended, unheld]).toEqual([[], [2]]);
});

test.each([
  ['removed', (path: string) => unlink(path)],
  ['emptied', (path: string) => truncate(path, 0)],
  ['forged', (path: string) => writeFile(path, `${'0'.repeat(64)}{"turn":99,"untold":0,"segments":{}}\n`)],
])('an inventory that is %s is reported', async (_, attack) => {
  for (const name of ['inventory.0', 'inventory.1']) {
    unheld = [];
    isAway = true;
    await hold([0]);
    await attack(join(folder(), name));
    await appendAll();
    expect([name, unheld]).toEqual([name, [1]]);
  }
});

test('both inventories, removed, are reported where events are held', async () => {
  await hold([0]);
  for (const name of ['inventory.0', 'inventory.1']) await unlink(join(folder(), name));
  await appendAll();
  expect([appended, unheld]).toEqual([[0], [1]]);
});

test('a loss that could not be recorded is recorded after the next start, and once', async () => {
  await hold([0]);
  await hold([1]);
  await unlink(await pathOf(0));
  isUnrecorded = true;
  await appendAll();
  expect(unheld).toEqual([]);
  isUnrecorded = false;
  await appendAll();
  await appendAll();
  expect(unheld).toEqual([1]);
});
