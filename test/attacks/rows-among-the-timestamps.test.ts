// The attacker has the login of the audit service's writer, which can add rows, and wants a whole log to be called tampered
// with, or its time stamps to be out of sight.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportLog } from '@aduana/audit-verifier/export-log';
import { verifyLog } from '@aduana/audit-verifier/verify-log';
import { readStoredLog } from '../../cli/stored-log.ts';
import { postedBody, postedEvent } from '../support/audit-events.ts';
import { openTestLog, type TestLog } from '../support/open-test-log.ts';
import { describeStampedStores, startTimestampAuthority } from '../support/timestamp-authority.ts';

describeStampedStores('rows among the time stamps', (openStore) => {
  let audit: TestLog;
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aduana-stamps-'));
  });
  afterEach(async () => {
    await audit.remove();
    await rm(folder, { recursive: true });
  });

  /** Some that nobody signed, and some whose note is signed and whose response is none, or of something else. */
  async function addRows(genuine: Buffer): Promise<void> {
    const { note, size } = await audit.log.proofs.checkpoint();
    const rows: [number, string, Buffer][] = [
      ...Array.from({ length: 30 }, (): [number, string, Buffer] => [1, 'x', Buffer.from('x')]),
      [size, note, Buffer.from('x')],
      [size, note, genuine],
      [size + 1, note, genuine],
      [size, note, Buffer.alloc(100_000, 0x30)],
    ];
    for (const row of rows)
      await audit.store.writer.query(
        `INSERT INTO timestamps (size, note, response, stamped_at) VALUES ($1, $2, $3, '2099-01-01')`,
        row,
      );
  }

  async function verdict() {
    const checkpoint = (await audit.log.proofs.checkpoint()).note;
    const stored = await readStoredLog(audit.log.reader, { vkey: audit.log.vkey(), checkpoint });
    await exportLog({ ...stored, close: () => Promise.resolve() }, folder);
    return verifyLog({ folder, now: Date.now() });
  }

  test('are none of a log that nobody stamps', async () => {
    audit = await openTestLog(openStore);
    await addRows(Buffer.from('x'));
    expect(await audit.log.timestamps.last()).toBeUndefined();
    expect(await verdict()).toMatchObject({ verdict: 'WHOLE' });
  });

  test('take no place of the one that an authority made', async () => {
    const authority = await startTimestampAuthority();
    audit = await openTestLog(openStore, {
      AUDIT_TIMESTAMP_URL: authority.url,
      AUDIT_TIMESTAMP_CA: authority.caFile,
    });
    await audit.log.stamp();
    const stamped = await audit.log.timestamps.last();
    expect(stamped).toBeDefined();
    await audit.log.ingest.accept('gateway', postedBody(postedEvent()));
    await audit.log.advance();
    await addRows(stamped?.response ?? Buffer.alloc(0));
    expect(await audit.log.timestamps.last()).toEqual(stamped);
    const { lines } = await verdict();
    expect(lines.join('\n')).toContain('a time stamp says that 1 entries were there');
    expect(lines.join('\n')).not.toContain('TAMPERED');
    await authority.stop();
  });
});
