// The attacker writes to the audit service's database with the login of its writer, and wants to hide how much of the log
// was lost: they record the recovery themselves, with an older note as the lost one.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportLog } from '@aduana/audit-verifier/export-log';
import { verifyLog } from '@aduana/audit-verifier/verify-log';
import { createSystemClock } from '@aduana/core/platform/clock';
import { readStoredLog } from '../../cli/stored-log.ts';
import { beginEpoch, type Recovery } from '../../subgraphs/audit/checkpoints/epoch.ts';
import { admitEvents } from '../../subgraphs/audit/log/admit-events.ts';
import { createSequencer } from '../../subgraphs/audit/log/sequencer.ts';
import { postedBody, postedEvent } from '../support/audit-events.ts';
import { asSuperuser } from '../support/log-superuser.ts';
import { openTestLog, type TestLog } from '../support/open-test-log.ts';
import { describeOneStore } from '../support/stores.ts';

const clock = createSystemClock();
const KEPT = 33;

describeOneStore('whoever records a recovery before the service does', (openStore) => {
  let audit: TestLog;
  let folder: string;
  let posted: number;
  beforeEach(async () => {
    posted = 0;
    folder = await mkdtemp(join(tmpdir(), 'aduana-recovery-'));
    audit = await openTestLog(openStore);
  });
  afterEach(async () => {
    await audit.remove();
    await rm(folder, { recursive: true });
  });

  async function post(count: number): Promise<void> {
    const events = Array.from({ length: count }, () =>
      postedEvent({ source: { instance: 'gateway@test', boot_id: 'b', n: posted++ } }),
    );
    await audit.log.ingest.accept('gateway', postedBody(...events));
    await audit.log.advance();
  }

  const loseTail = (): Promise<void> =>
    asSuperuser(
      audit,
      ['DELETE FROM entries WHERE seq >= $1', [KEPT]],
      ['DELETE FROM event_ids WHERE seq >= $1', [KEPT]],
      ['DELETE FROM checkpoints WHERE size > $1', [KEPT]],
      ['UPDATE head SET size = $1', [KEPT]],
    );

  /** A log that has lost signed entries, whose recovery two people have approved, and with these events of the attacker. */
  async function recoverWith(
    forge: (recovery: Recovery, early: string) => readonly object[],
  ): Promise<Recovery> {
    await post(30);
    const early = (await audit.log.proofs.checkpoint()).note;
    await post(5);
    const late = (await audit.log.proofs.checkpoint()).note;
    await loseTail();
    await audit.log.advance();
    const recovery: Recovery = {
      ...{ epoch: 2, reason: 'lag', approvers: ['operator', 'auditor'] },
      ...{ lost_note: late, kept_note: early, kept_size: Number(early.split('\n')[1]) },
    };
    await beginEpoch(audit.log.secrets, recovery);
    await audit.stop();
    for (const [n, detail] of forge(recovery, early).entries()) {
      const source = { instance: 'audit@9', boot_id: 'q', n };
      const event = postedEvent({ type: 'audit.recover', outcome: 'FAILED', source, detail });
      await createSequencer(audit.store.writer).append(
        await admitEvents('audit', [event as never], {} as never),
      );
    }
    await audit.restart();
    await post(3);
    return recovery;
  }

  async function recorded(): Promise<readonly unknown[]> {
    const { rows } = await audit.log.reader.query<{ canonical: string }>(
      `SELECT canonical FROM entries WHERE type = 'audit.recover' ORDER BY seq`,
    );
    return rows.map(({ canonical }) => (JSON.parse(canonical) as { readonly detail: unknown }).detail);
  }

  test('does not keep it from recording its own: what was lost is in the verdict', async () => {
    const recovery = await recoverWith((truth, early) => [{ ...truth, lost_note: early }]);
    expect(audit.log.contradiction()).toBeUndefined();
    expect(await recorded()).toContainEqual(recovery);
    const checkpoint = (await audit.log.proofs.checkpoint()).note;
    const stored = await readStoredLog(audit.log.reader, { vkey: audit.log.vkey(), checkpoint });
    await exportLog({ ...stored, close: () => Promise.resolve() }, folder);
    const { exitCode, problems } = await verifyLog({ folder, now: clock.now() });
    expect(exitCode).toBe(2);
    expect(problems).toContainEqual(
      expect.stringContaining('of 36 entries that aduana.local/audit had signed'),
    );
  });

  test('records what is true: then it is not recorded twice', async () => {
    const recovery = await recoverWith((truth) => [truth]);
    expect(await recorded()).toEqual([recovery]);
  });

  test('may add members or write another epoch number as text: neither is the one', async () => {
    const recovery = await recoverWith((truth) => [
      { ...truth, more: 1 },
      { ...truth, epoch: '2' },
    ]);
    expect((await recorded()).at(-1)).toEqual(recovery);
  });
});
