import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verifyLog } from '@aduana/audit-verifier/verify-log';
import { createSystemClock } from '@aduana/core/platform/clock';
import { compile } from '@aduana/server-kit/iam/compile';
import { loadPolicies } from '@aduana/server-kit/iam/load-policies';
import { exportLog } from '@aduana/audit-verifier/export-log';
import { readStoredLog } from '../../../cli/stored-log.ts';
import { AUDIT_SCHEMA } from '../../../subgraphs/audit/log/schema.ts';
import { createRecoveryRoutes } from '../../../subgraphs/audit/recovery-routes.ts';
import { postedBody, postedEvent } from '../../support/audit-events.ts';
import { openTestLog, type TestLog } from '../../support/open-test-log.ts';
import { createServiceRequest } from '../../support/service-request.ts';
import { describeOneStore } from '../../support/stores.ts';

const clock = createSystemClock();

describeOneStore('a log whose tail was lost after it was signed', (openStore) => {
  let audit: TestLog;
  let folder: string;
  let n: number;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aduana-recovery-'));
    audit = await openTestLog(openStore);
    n = 0;
  });
  afterEach(async () => {
    await audit.remove();
    await rm(folder, { recursive: true });
  });

  async function post(count: number): Promise<void> {
    const events = Array.from({ length: count }, () =>
      postedEvent({ source: { instance: 'gateway@test', boot_id: 'b', n: n++ } }),
    );
    await audit.log.ingest.accept('gateway', postedBody(...events));
    await audit.log.advance();
  }

  /** As an asynchronous failover does: the last entries were never sent to the standby. */
  async function loseTail(size: number): Promise<void> {
    await audit.store.superuser.transaction(async (transaction) => {
      await transaction.query(`SET LOCAL search_path TO ${AUDIT_SCHEMA}`);
      for (const table of ['entries', 'entries_00000000', 'event_ids', 'checkpoints'])
        await transaction.query(`ALTER TABLE ${table} DISABLE TRIGGER ALL`);
      await transaction.query('DELETE FROM entries WHERE seq >= $1', [size]);
      await transaction.query('DELETE FROM event_ids WHERE seq >= $1', [size]);
      await transaction.query('DELETE FROM checkpoints WHERE size > $1', [size]);
      await transaction.query('UPDATE head SET size = $1', [size]);
      for (const table of ['entries', 'entries_00000000', 'event_ids', 'checkpoints'])
        await transaction.query(`ALTER TABLE ${table} ENABLE TRIGGER ALL`);
    });
  }

  async function askOf(): Promise<(service: string, reason?: string) => Promise<unknown>> {
    const engine = compile(await loadPolicies('policies'));
    const status = { assertFresh: () => undefined, isServiceSuspended: () => false };
    const [route] = createRecoveryRoutes({ ...audit.log, policies: () => engine, status, clock });
    return async (service, reason = 'the standby lagged') => {
      const peer = { spiffeId: `spiffe://aduana.local/${service}`, thumbprint: 't', chain: [], notAfter: Infinity }; // prettier-ignore
      const request = createServiceRequest({ path: '/audit/recover', peer, encrypted: true, body: JSON.stringify({ reason }) }); // prettier-ignore
      const answer = await route?.handle(request);
      return JSON.parse(String(answer?.body)) as unknown;
    };
  }

  async function verify(more: object = {}) {
    const checkpoint = (await audit.log.proofs.checkpoint()).note;
    const stored = await readStoredLog(audit.log.reader, { vkey: audit.log.vkey(), checkpoint });
    await exportLog({ ...stored, close: () => Promise.resolve() }, folder);
    return verifyLog({ folder, now: clock.now(), ...more });
  }

  async function lose(): Promise<{
    readonly oldVkey: string;
    readonly early: string;
    readonly late: string;
  }> {
    await post(30);
    const oldVkey = audit.log.vkey();
    const early = join(folder, 'early');
    const late = join(folder, 'late');
    await writeFile(early, (await audit.log.proofs.checkpoint()).note);
    await post(5);
    await writeFile(late, (await audit.log.proofs.checkpoint()).note);
    await loseTail(33);
    await post(5); // n 35 to 39: the source goes on
    return { oldVkey, early, late };
  }

  test('signs no more until operator and auditor both say so, and a third or one alone cannot', async () => {
    await lose();
    expect(audit.log.contradiction()).toMatch(/is not the one that was signed.*aduana audit recover/);
    const ask = await askOf();
    const sizes = { lost_size: 36, kept_size: 31 };
    expect(await ask('operator')).toEqual({ approved: 'operator', ...sizes });
    expect(await ask('operator')).toEqual({ approved: 'operator', ...sizes });
    await expect(ask('bff')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(await ask('auditor', 'another reason')).toEqual({ approved: 'auditor', ...sizes });
    expect(await ask('operator')).toEqual({ approved: 'operator', ...sizes });
    expect(await ask('auditor')).toEqual({ epoch: 2, ...sizes });
    expect(await ask('auditor')).toEqual({ epoch: 2 });
  });

  test('goes on under a new origin that binds the old tree, and the verifier says what is gone', async () => {
    const { oldVkey, early, late } = await lose();
    const ask = await askOf();
    await ask('operator');
    await ask('auditor');
    await audit.restart();
    expect(audit.log.contradiction()).toBeUndefined();
    await post(3);
    await audit.log.verify();
    expect(audit.log.contradiction()).toBeUndefined();
    expect(audit.log.vkey()).toMatch(/^aduana\.local\/audit\/epoch\/2\+/);
    for (const more of [{}, { vkey: oldVkey }, { sinceFile: early }, { vkey: oldVkey, sinceFile: late }]) {
      const { exitCode, problems } = await verify(more);
      expect(exitCode).toBe(2);
      expect(problems).toEqual([
        'of 36 entries that aduana.local/audit had signed, those from 31 to 35 were lost (the standby lagged); the counts of their sources show which events are gone',
        'gateway gateway@test boot b lacks events 32 to 34',
      ]);
    }
    await audit.restart();
    const { rows } = await audit.log.reader.query(`SELECT 1 FROM entries WHERE type = 'audit.recover'`);
    expect(rows).toHaveLength(1);
  });

  test('a log that is whole is not recovered', async () => {
    await post(3);
    const ask = await askOf();
    await expect(ask('operator')).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});
