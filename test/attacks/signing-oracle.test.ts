// The attacker writes to the audit service's database, as its superuser or with the writer login of the service, and wants
// the log's own key to sign a history that it never had.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSystemClock } from '@aduana/core/platform/clock';
import { leafHash } from '@aduana/server-kit/audit/merkle';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { Publisher } from '../../subgraphs/audit/publishing/publisher.ts';
import { postedBody, postedEvent } from '../support/audit-events.ts';
import { createMemoryCursors, createMemoryObjectStore } from '../support/memory-object-store.ts';
import { rewriteEntry, rootOf } from '../support/log-superuser.ts';
import { openTestLog, type TestLog } from '../support/open-test-log.ts';
import { describeOneStore } from '../support/stores.ts';
import { until } from '../support/until.ts';

const CHANGED = 5;
const OTHER_TREE = /tree of \d+ entries is not the one/;

describeOneStore('whoever writes to the database', (openStore) => {
  let audit: TestLog;
  let posted: number;
  beforeEach(async () => {
    posted = 0;
    audit = await openTestLog(openStore);
  });
  afterEach(() => audit.remove());

  async function post(count: number): Promise<void> {
    const events = Array.from({ length: count }, () =>
      postedEvent({ source: { instance: 'gateway@test', boot_id: 'b', n: posted++ } }),
    );
    await audit.log.ingest.accept('gateway', postedBody(...events));
    await audit.log.advance();
  }

  const signedSizes = async () => (await storedNotes()).map((note) => Number(note.split('\n')[1]));
  async function storedNotes(): Promise<readonly string[]> {
    const { rows } = await audit.log.reader.query<{ note: string }>(
      'SELECT note FROM checkpoints ORDER BY number',
    );
    return rows.map(({ note }) => note);
  }

  test('gets no past checkpoint over entries that it changed; signing ends', async () => {
    await post(600);
    await post(200);
    await rewriteEntry(audit, CHANGED);
    await expect(audit.log.proofs.checkpoint(780)).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(audit.log.proofs.inclusion(CHANGED, 780)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(audit.log.contradiction()).toMatch(OTHER_TREE);
  });

  test('still gets every past checkpoint of a log that is whole', async () => {
    await post(600);
    await post(200);
    for (const size of [0, 1, 255, 256, 599, 600, 700]) {
      const { note } = await audit.log.proofs.checkpoint(size);
      expect(note.split('\n')[1]).toBe(String(size));
    }
    expect(audit.log.contradiction()).toBeUndefined();
  });

  test('gets nothing published that is no stored checkpoint, whatever it writes into the cursor', async () => {
    await post(600);
    const store = createMemoryObjectStore();
    const cursors = createMemoryCursors();
    const published: number[] = [];
    const put = store.put.bind(store);
    store.put = (key, body, type) => {
      if (key === 'checkpoint') published.push(Number(body.toString().split('\n')[1]));
      return put(key, body, type);
    };
    const start = (): Publisher =>
      new Publisher({
        ...{ location: store.location, open: () => Promise.resolve(store), cursors, parts: audit.log },
        ...{ intervalMilliseconds: 1000, dropsEntries: true, count: () => undefined },
        ...{ clock: createSystemClock(), log: createLog('silent', () => undefined) },
      });
    const first = start();
    await until(() => published.length > 0);
    await first.stop();
    published.length = 0;
    await post(200);
    await cursors.advance(store.location, { seq: 600, checkpointSize: 780 }, []);
    await rewriteEntry(audit, CHANGED);
    const second = start();
    await until(() => published.length > 0 || second.lastError !== undefined);
    await second.stop();
    const signed = await signedSizes();
    expect(published.filter((size) => !signed.includes(size))).toEqual([]);
  });

  test('gets no checkpoint over a tile that it stored before the tile was full', async () => {
    await post(600);
    const forged = Array.from({ length: 256 }, (_, at) => leafHash(`forged ${String(at)}`));
    await audit.store.writer.query('INSERT INTO tiles (level, index, root, hashes) VALUES (0, 2, $1, $2)', [
      rootOf(Buffer.concat(forged)),
      Buffer.concat(forged),
    ]);
    await post(200);
    expect(audit.log.contradiction()).toMatch(/tile 0\/2 is not the one/);
    await expect(audit.log.proofs.checkpoint(768)).rejects.toThrow();
    expect(Math.max(...(await signedSizes()))).toBeLessThan(768);
  });

  test('gets nothing signed from the stated root of a tile, where other replicas signed more than this one', async () => {
    await post(600);
    const file = join(audit.home, 'audit', 'checkpoint');
    const old = await readFile(file);
    await post(200);
    await audit.stop();
    await writeFile(file, old);
    await rewriteEntry(audit, 520, 'root');
    const before = await storedNotes();
    await audit.restart();
    await post(200);
    expect(audit.log.contradiction()).toMatch(OTHER_TREE);
    expect(await storedNotes()).toEqual(before);
  });
});
