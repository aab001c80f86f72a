// The attacker is the database's superuser. They rewrite the log while an audit replica starts with an empty home: it was
// added, or its volume was lost. What they want is the log's signature over the rewritten entries.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EMPTY_ROOT } from '@aduana/server-kit/audit/merkle';
import { Secret } from '@aduana/core/secrets/secret';
import {
  CHECKPOINT_KEY,
  finishCheckpointRotation,
  rotateCheckpointKey,
} from '../../subgraphs/audit/checkpoints/checkpoint-key.ts';
import { SIGNED } from '../../subgraphs/audit/checkpoints/signed-mark.ts';
import { postedBody, postedEvent } from '../support/audit-events.ts';
import { asSuperuser, rewriteEntry } from '../support/log-superuser.ts';
import { openTestLog, type TestLog } from '../support/open-test-log.ts';
import { describeOneStore } from '../support/stores.ts';
import { until } from '../support/until.ts';

const CHANGED = 5;

describeOneStore('a replica with an empty home', (openStore) => {
  let audit: TestLog;
  let posted: number;
  let newest: string;
  beforeEach(async () => {
    posted = 0;
    audit = await openTestLog(openStore);
    await post(300);
    await post(300);
    newest = (await audit.log.proofs.checkpoint()).note;
  });
  afterEach(() => audit.remove());

  async function post(count: number): Promise<void> {
    const events = Array.from({ length: count }, () =>
      postedEvent({ source: { instance: 'gateway@test', boot_id: 'b', n: posted++ } }),
    );
    await audit.log.ingest.accept('gateway', postedBody(...events));
    await audit.log.advance();
  }

  /** Starts again with a home in which nothing is. */
  async function startEmpty(before: () => Promise<void>): Promise<void> {
    await audit.stop();
    await before();
    await rm(join(audit.home, 'audit'), { recursive: true });
    await audit.restart();
  }

  async function putMark(epoch: number, note: string): Promise<void> {
    const { secrets } = audit.log;
    const { version } = (await secrets.get(SIGNED))!;
    await secrets.put(SIGNED, Secret.of(JSON.stringify({ epoch, note })), version);
  }

  /** As a replica has it whose secrets lie in its home: they hold nothing but the keys that replicas share. */
  const forgetMark = (): Promise<void> => putMark(0, '');

  async function storedNotes(): Promise<readonly string[]> {
    const { rows } = await audit.store.superuser.query<{ note: string }>(
      'SELECT note FROM audit.checkpoints ORDER BY number',
    );
    return rows.map(({ note }) => note);
  }

  const DELETIONS = [
    ['all notes', 'DELETE FROM checkpoints'],
    ['all but an old note', 'DELETE FROM checkpoints WHERE size > 5'],
    ['no note', 'DELETE FROM checkpoints WHERE false'],
  ] as const;
  test.each(DELETIONS)('signs no rewritten entry where %s was deleted', async (_, deletion) => {
    await startEmpty(async () => {
      await rewriteEntry(audit, CHANGED);
      await asSuperuser(audit, [deletion, []]);
    });
    const before = await storedNotes();
    await post(5);
    expect(audit.log.contradiction()).toMatch(/tree of \d+ entries is not the one that was signed/);
    expect(await storedNotes()).toEqual(before);
  });

  test('whose secrets are lost as well signs nothing where no note is left, and says what to do', async () => {
    await startEmpty(async () => {
      await forgetMark();
      await rewriteEntry(audit, CHANGED);
      await asSuperuser(audit, ['DELETE FROM checkpoints', []]);
    });
    await until(async () => {
      await audit.log.advance();
      return audit.log.contradiction() !== undefined;
    });
    expect(audit.log.contradiction()).toMatch(/newest signed note.*ADUANA_HOME\/audit\/checkpoint/);
    expect(await storedNotes()).toEqual([]);
  });

  test('goes on from a note that an operator puts into it, where the entries are those', async () => {
    await startEmpty(async () => {
      await forgetMark();
      await asSuperuser(audit, ['DELETE FROM checkpoints', []]);
      const folder = join(audit.home, 'audit');
      await rm(folder, { recursive: true });
      await mkdir(folder);
    });
    await audit.stop();
    await writeFile(join(audit.home, 'audit', 'checkpoint'), newest);
    await audit.restart();
    await post(5);
    expect(audit.log.contradiction()).toBeUndefined();
    expect(await storedNotes()).not.toEqual([]);
  });

  test('joins a log that is whole, without an operator, whether its secrets know the log or not', async () => {
    for (const before of [forgetMark, () => Promise.resolve()]) {
      await startEmpty(before);
      await post(5);
      await audit.log.verify();
      expect(audit.log.contradiction()).toBeUndefined();
    }
    expect((await audit.log.proofs.checkpoint()).size).toBeGreaterThan(610);
  });

  test('goes on with a new log that was killed before its first note', async () => {
    await startEmpty(async () => {
      await putMark(1, `aduana.local/audit\n0\n${EMPTY_ROOT.toString('base64')}\n`);
      await asSuperuser(audit, ['DELETE FROM checkpoints', []]);
    });
    await post(5);
    expect(audit.log.contradiction()).toBeUndefined();
    expect(await storedNotes()).not.toEqual([]);
  });

  test('that got an older note back, with an older database, knows that newer entries were signed', async () => {
    const file = join(audit.home, 'audit', 'checkpoint');
    const old = await readFile(file);
    await post(10);
    await audit.stop();
    await writeFile(file, old);
    await asSuperuser(
      audit,
      ['DELETE FROM entries WHERE seq >= 605', []],
      ['DELETE FROM checkpoints WHERE size > 605', []],
      ['UPDATE head SET size = 605', []],
    );
    await audit.restart();
    await audit.log.advance();
    expect(audit.log.contradiction()).toMatch(/aduana audit recover/);
    expect(audit.log.guard.last?.size).toBeGreaterThan(605);
  });

  test('joins a log whose key was rotated', async () => {
    await startEmpty(() => rotateCheckpointKey(audit.log.secrets));
    await post(5);
    await startEmpty(() => finishCheckpointRotation(audit.log.secrets));
    await post(5);
    expect(audit.log.contradiction()).toBeUndefined();
    expect((await audit.log.secrets.get(CHECKPOINT_KEY))?.version).toBe(3);
  });
});
