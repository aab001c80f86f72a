import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { verifyPublished } from '@aduana/audit-verifier/verify-published';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { signMinimumIndex } from '@aduana/server-kit/audit/minimum-index';
import { newTiles } from '../../../../subgraphs/audit/publishing/new-tiles.ts';
import { Publisher } from '../../../../subgraphs/audit/publishing/publisher.ts';
import { formatTilePath, parseTilePath } from '../../../../subgraphs/audit/reading/tile-path.ts';
import { TEST_SIGNER } from '../../../support/exported-log.ts';
import { createFakeClock, type FakeClock } from '../../../support/fake-clock.ts';
import { createMemoryLog, type MemoryLog } from '../../../support/memory-log.ts';
import {
  createMemoryCursors,
  createMemoryObjectStore,
  type MemoryObjectStore,
} from '../../../support/memory-object-store.ts';
import { until } from '../../../support/until.ts';

const INTERVAL_MS = 10_000;
const PARTITION = 65_536;
const TEXTS = ['checkpoint', 'vkey'];

let clock: FakeClock;
let store: MemoryObjectStore;
let cursors: ReturnType<typeof createMemoryCursors>;
let publisher: Publisher | undefined;

beforeEach(() => {
  clock = createFakeClock();
  store = createMemoryObjectStore();
  cursors = createMemoryCursors();
});
afterEach(() => publisher?.stop());

function start({ parts }: MemoryLog, dropsEntries = true): Publisher {
  publisher = new Publisher({
    location: store.location,
    open: () => Promise.resolve(store),
    cursors,
    parts,
    intervalMilliseconds: INTERVAL_MS,
    dropsEntries,
    count: () => undefined,
    clock,
    log: createLog('silent', () => undefined),
  });
  return publisher;
}

const publishedSize = () => Number(store.objects.get('checkpoint')?.toString().split('\n')[1] ?? -1);
const untilPublished = (size: number) =>
  until(() => publishedSize() === size, () => clock.advance(INTERVAL_MS)); // prettier-ignore
const verify = () =>
  verifyPublished((path) => Promise.resolve(store.objects.get(path)), { now: Date.parse('2026-01-02') });
const tilesOf = (size: number) => [...newTiles(0, size)].map((tile) => `tile/${formatTilePath(tile)}`);

test.each([1, 255, 256, 257, 600, 768])(
  'a log of %d entries is published and verifies as whole',
  async (size) => {
    start(createMemoryLog(size));
    await untilPublished(size);
    expect([...store.objects.keys()].sort()).toEqual([...tilesOf(size), ...TEXTS].sort());
    expect(await verify()).toMatchObject({ verdict: 'WHOLE', signed: { size } });
  },
);

test('every tile has the path under which the service serves it', () => {
  for (const tile of newTiles(250, 70_000)) expect(parseTilePath(formatTilePath(tile))).toEqual(tile);
});

test('a checkpoint comes after everything that it covers', async () => {
  const log = createMemoryLog(300);
  start(log);
  await untilPublished(300);
  log.grow(300);
  await untilPublished(600);
  const last = store.changes.lastIndexOf('put checkpoint');
  const tiles = tilesOf(600).map((path) => store.changes.indexOf(`put ${path}`));
  expect(Math.min(...tiles)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...tiles)).toBeLessThan(last);
});

test('the parts of a tile go once it is full, and nothing else does', async () => {
  const log = createMemoryLog(300);
  start(log);
  for (const size of [310, 520]) {
    log.grow(size - (await log.parts.proofs.checkpoint()).size);
    await untilPublished(size);
  }
  await until(() => !store.objects.has('tile/entries/001.p/10'));
  await publisher?.stop();
  const paths = [...store.objects.keys()].filter(
    (path) => path.startsWith('tile/0/') || path.includes('entries'),
  );
  expect(paths.sort()).toEqual(
    ['0', 'entries'].flatMap((level) => ['000', '001', '002.p/8'].map((name) => `tile/${level}/${name}`)),
  );
  expect(await verify()).toMatchObject({ verdict: 'WHOLE' });
});

describe('after a restart', () => {
  test('nothing is put again', async () => {
    const log = createMemoryLog(600);
    start(log);
    await untilPublished(600);
    await publisher?.stop();
    store.changes.length = 0;
    start(log);
    log.grow(1);
    await untilPublished(601);
    expect(store.changes.filter((change) => change.includes('tile/')).sort()).toEqual([
      'put tile/0/002.p/89',
      'put tile/entries/002.p/89',
    ]);
  });

  test('what was begun is ended, so that no part of a tile is forgotten', async () => {
    const log = createMemoryLog(300);
    store.failing = 'checkpoint';
    start(log);
    await until(() => publisher?.lastError === 'no put checkpoint', () => clock.advance(100)); // prettier-ignore
    await publisher?.stop();
    log.grow(300);
    store.failing = undefined;
    start(log);
    await untilPublished(600);
    await until(() => !store.objects.has('tile/0/001.p/44'));
    await publisher?.stop();
    expect([...store.objects.keys()].filter((path) => path.endsWith('.p/44'))).toEqual([]);
    expect(await verify()).toMatchObject({ verdict: 'WHOLE' });
  });

  test('of what was begun and is no stored checkpoint, the parts go and nothing is published', async () => {
    const log = createMemoryLog(300);
    store.failing = 'checkpoint';
    start(log);
    await until(() => publisher?.lastError === 'no put checkpoint', () => clock.advance(100)); // prettier-ignore
    await publisher?.stop();
    log.grow(300);
    store.failing = undefined;
    const proofs = { ...log.parts.proofs, stored: () => Promise.resolve(undefined) };
    start({ ...log, parts: { ...log.parts, proofs } });
    await untilPublished(600);
    await publisher?.stop();
    expect(store.changes.filter((change) => change === 'put checkpoint')).toHaveLength(1);
    expect([...store.objects.keys()].filter((path) => path.endsWith('.p/44'))).toEqual([]);
    expect(await verify()).toMatchObject({ verdict: 'WHOLE' });
  });

  test('a bucket that was emptied gets everything', async () => {
    const log = createMemoryLog(600);
    start(log);
    await untilPublished(600);
    await publisher?.stop();
    store.objects.clear();
    start(log);
    await untilPublished(600);
    expect(await verify()).toMatchObject({ verdict: 'WHOLE' });
  });

  test('a bucket without its checkpoint is compared, and gets what is missing', async () => {
    const log = createMemoryLog(600);
    start(log);
    await untilPublished(600);
    await publisher?.stop();
    store.objects.delete('checkpoint');
    store.objects.delete('tile/entries/001');
    start(log);
    await untilPublished(600);
    expect(await verify()).toMatchObject({ verdict: 'WHOLE' });
  });
});

describe('nothing is published', () => {
  const untilRefused = (text: string) =>
    until(() => publisher?.lastError?.includes(text) === true, () => clock.advance(100)); // prettier-ignore

  test('over another log', async () => {
    start(createMemoryLog(300, 'other'));
    await untilPublished(300);
    await publisher?.stop();
    const before = new Map(store.objects);
    start(createMemoryLog(600));
    await untilRefused('does not have');
    expect(store.objects).toEqual(before);
  });

  test('over an object that is another, and the rest of it has no checkpoint', async () => {
    store.objects.set('tile/0/000', Buffer.alloc(8192));
    start(createMemoryLog(300));
    await untilRefused('holds another tile/0/000 than the log');
    expect(store.objects.has('checkpoint')).toBe(false);
    expect(store.objects.get('tile/0/000')).toEqual(Buffer.alloc(8192));
  });

  test('of a log that contradicts what it signed', async () => {
    const log = createMemoryLog(300);
    start(log);
    await untilPublished(300);
    log.tamper('entry 7 was changed');
    log.grow(10);
    await until(() => publisher?.lastError?.includes('entry 7') === true, () => clock.advance(INTERVAL_MS)); // prettier-ignore
    expect(publishedSize()).toBe(300);
  });

  test('while another replica publishes', async () => {
    cursors.isElsewhere = true;
    start(createMemoryLog(300));
    await clock.advance(60_000);
    expect(store.changes).toEqual([]);
    cursors.isElsewhere = false;
    await untilPublished(300);
  });
});

describe('entries that the log drops', () => {
  const note = signMinimumIndex(TEST_SIGNER.name, PARTITION, [TEST_SIGNER]);

  /** A log of which a partition is dropped after all of it was published. */
  async function dropAPartition(dropsEntries: boolean): Promise<void> {
    const log = createMemoryLog(PARTITION);
    start(log, dropsEntries);
    await untilPublished(PARTITION);
    const source = { peer: 'audit', instance: 'a', boot_id: 'a', n: 0 };
    log.grow(1, { source, type: 'audit.retention', detail: { minimum_index: PARTITION, count: PARTITION } });
    log.drop(PARTITION, note);
    await untilPublished(PARTITION + 1);
    await until(() => store.objects.has('minimum-index'));
  }

  test('go from the bucket once it says so', async () => {
    await dropAPartition(true);
    await until(() => !store.objects.has('tile/entries/255') && !store.objects.has('tile/entries/000'));
    const [said, gone] = ['put minimum-index', 'remove tile/entries/000'].map((change) =>
      store.changes.indexOf(change),
    );
    expect(said).toBeLessThan(gone ?? -1);
    await publisher?.stop();
    expect([...store.objects.keys()].filter((path) => path.includes('entries'))).toEqual([
      'tile/entries/256.p/1',
    ]);
    expect(await verify()).toMatchObject({ verdict: 'WHOLE', signed: { size: PARTITION + 1 } });
  });

  test('stay where the bucket is to keep them', async () => {
    await dropAPartition(false);
    await clock.advance(3 * INTERVAL_MS);
    expect([...store.objects.keys()].filter((path) => path.includes('entries'))).toHaveLength(257);
    expect(await verify()).toMatchObject({ verdict: 'WHOLE' });
  });

  test('are not expected of a bucket that is new', async () => {
    const log = createMemoryLog(PARTITION);
    const source = { peer: 'audit', instance: 'a', boot_id: 'a', n: 0 };
    log.grow(1, { source, type: 'audit.retention', detail: { minimum_index: PARTITION, count: PARTITION } });
    log.drop(PARTITION, note);
    start(log);
    await untilPublished(PARTITION + 1);
    await until(() => store.objects.has('minimum-index'));
    expect(store.changes.filter((change) => change.startsWith('remove'))).toEqual([]);
    expect(await verify()).toMatchObject({ verdict: 'WHOLE' });
  });
});
