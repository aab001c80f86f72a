import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openMinimumIndex } from '@aduana/server-kit/audit/minimum-index';
import { type Clock, createSystemClock } from '@aduana/core/platform/clock';
import { leafHash } from '@aduana/server-kit/audit/merkle';
import { verifyConsistency, verifyInclusion } from '@aduana/audit-verifier/merkle';
import { EXIT } from '@aduana/audit-verifier/verdict';
import { verifyLog } from '@aduana/audit-verifier/verify-log';
import { exportLog } from '@aduana/audit-verifier/export-log';
import { readStoredLog } from '../../../../cli/stored-log.ts';
import { PARTITION_ENTRIES } from '../../../../subgraphs/audit/log/schema.ts';
import { assertKept, assertNotDropped } from '../../../../subgraphs/audit/reading/assert-kept.ts';
import type { CheckpointView } from '../../../../subgraphs/audit/checkpoints/proofs.ts';
import { findEvents } from '../../../../subgraphs/audit/reading/stored-event.ts';
import { Retention } from '../../../../subgraphs/audit/retention/retention.ts';
import { postedBody, postedEvent } from '../../../support/audit-events.ts';
import { openTestLog, type TestLog } from '../../../support/open-test-log.ts';
import { describeStores } from '../../../support/stores.ts';
import { asSuperuser, retentionOf } from '../../../support/retained-log.ts';

const DAY_MS = 86_400_000;
const AT_ONCE = 2000;
/** All others are of 1 January 2026; what is dated after now keeps nothing. */
const ODD_TIMES = ['2026-01-10T00:00:00.000Z', '2099-01-01T00:00:00.000Z'];

/** The tests follow one log through its retention, in their order. */
describeStores('retention', (openStore) => {
  const system = createSystemClock();
  const shift = { days: 0 };
  const clock: Clock = {
    ...system,
    now: () => system.now() + shift.days * DAY_MS,
    sleep: (_, signal) => system.sleep(0, signal),
  };
  let audit: TestLog;
  let before: CheckpointView;
  let firstEvent: Readonly<Record<string, unknown>>;

  beforeAll(async () => {
    audit = await openTestLog(openStore, { AUDIT_RETENTION: '90d' }, clock);
    firstEvent = boot('first', 0);
    await audit.log.ingest.accept(
      'gateway',
      postedBody(firstEvent, ...ODD_TIMES.map((time, n) => ({ ...boot('odd', n), time }))),
    );
    for (let filled = 4; filled < PARTITION_ENTRIES + 1000; filled += AT_ONCE)
      await audit.log.ingest.accept(
        'gateway',
        postedBody(...Array.from({ length: AT_ONCE }, (_, at) => boot('filling', filled - 4 + at))),
      );
    await audit.log.advance();
    before = await audit.log.proofs.checkpoint();
  }, 900_000);
  afterAll(() => audit.remove());

  const boot = (bootId: string, n: number) =>
    postedEvent({ source: { instance: 'gateway@test', boot_id: bootId, n } });
  const oldest = async (): Promise<number> =>
    (await audit.log.reader.query<{ seq: number }>('SELECT min(seq) AS seq FROM entries')).rows[0]?.seq ?? -1;

  test('drops nothing before its time', async () => {
    await audit.log.retain();
    shift.days = 89;
    await audit.log.retain();
    expect(await oldest()).toBe(0);
    expect(await audit.log.minimumIndex.current()).toBe(0);
    expect(await audit.log.minimumIndex.note()).toBeUndefined();
  });

  test('drops nothing for which only a column of the database says that it is old', async () => {
    shift.days = 0;
    const young = new Retention({
      ...retentionOf(audit, clock),
      // the entries tell of January 2026
      clock: { ...clock, now: () => Date.parse('2026-01-02T00:00:00Z') },
      sinks: () => Promise.resolve([]),
    });
    await asSuperuser(audit, `UPDATE checkpoints SET signed_at = '2020-01-01'`);
    await young.run();
    expect(await oldest()).toBe(0);
  });

  test('drops nothing while one entry is young, whatever all others say', async () => {
    const young = new Retention({
      ...retentionOf(audit, clock),
      clock: { ...clock, now: () => Date.parse('2026-04-05T00:00:00Z') },
      sinks: () => Promise.resolve([]),
    });
    await young.run();
    expect(await oldest()).toBe(0);
  });

  test('drops nothing that a receiver has not taken', async () => {
    shift.days = 91;
    const sink = { name: 'soc', cursor: PARTITION_ENTRIES - 1, lag: 1, lastError: null };
    await new Retention({ ...retentionOf(audit, clock), sinks: () => Promise.resolve([sink]) }).run();
    expect(await oldest()).toBe(0);
  });

  test('is refused to the roles of the service without an announcement that is signed', async () => {
    for (const role of [audit.store.writer, audit.store.reader]) {
      await expect(role.query('SELECT drop_entries(0)')).rejects.toMatchObject({ sqlState: '42501' });
      await expect(role.query('DROP TABLE entries_00000000')).rejects.toMatchObject({ sqlState: '42501' });
    }
  });

  test('drops old entries, announced in the log and under a signed minimum index', async () => {
    await audit.log.retain();
    expect(await oldest()).toBe(PARTITION_ENTRIES);
    const note = (await audit.log.minimumIndex.note()) ?? '';
    expect(openMinimumIndex(note, [audit.log.vkey()])).toBe(PARTITION_ENTRIES);
    const { rows } = await audit.log.reader.query<{ seq: number; canonical: string }>(
      `SELECT seq, canonical FROM entries WHERE type = 'audit.retention'`,
    );
    expect(rows).toHaveLength(1);
    expect(JSON.parse(rows[0]?.canonical ?? '')).toMatchObject({
      source: { peer: 'audit' },
      detail: { minimum_index: PARTITION_ENTRIES },
    });
    expect((await audit.log.integrity()).minimumIndex).toBe(PARTITION_ENTRIES);
  });

  test('leaves the rest alone', async () => {
    await audit.log.retain();
    expect(await oldest()).toBe(PARTITION_ENTRIES);
    await expect(audit.store.writer.query('SELECT drop_entries(1)')).rejects.toMatchObject({
      sqlState: '42501',
    });
  });

  test('keeps every proof over what is gone', async () => {
    for (const seq of [0, 1, 256, 40_000, PARTITION_ENTRIES - 1, PARTITION_ENTRIES]) {
      const { leafHash: leaf, hashes, checkpoint } = await audit.log.proofs.inclusion(seq);
      expect(
        verifyInclusion({
          index: seq,
          size: checkpoint.size,
          leafHash: leaf,
          root: checkpoint.root,
          proof: hashes,
        }),
      ).toBe(true);
    }
    const last = await audit.log.proofs.checkpoint();
    const { size: second, root: secondRoot } = last;
    for (const first of [1, 300, PARTITION_ENTRIES, before.size]) {
      const { root: firstRoot } = await audit.log.proofs.checkpoint(first);
      const proof = await audit.log.proofs.consistency(first, second);
      expect(verifyConsistency({ first, second, firstRoot, secondRoot, proof })).toBe(true);
    }
    expect((await audit.log.proofs.checkpoint(before.size)).root).toEqual(before.root);
  });

  test('does not record an event again that was dropped', async () => {
    const { size } = await audit.log.integrity();
    await audit.log.ingest.accept('gateway', postedBody(firstEvent));
    expect((await audit.log.integrity()).size).toBe(size);
    await expect(
      audit.log.ingest.accept('gateway', postedBody({ ...firstEvent, outcome: 'DENIED' })),
    ).rejects.toMatchObject({ code: 'AUDIT_CONFLICT' });
  });

  test('says of an entry that it is gone, and reads from the first that is there', async () => {
    const { minimumIndex, reader } = audit.log;
    const gone = { code: 'AUDIT_ENTRY_GONE', status: 410, extensions: { minimumIndex: '65536' } };
    await expect(assertKept(PARTITION_ENTRIES - 1, minimumIndex)).rejects.toMatchObject(gone);
    await assertKept(PARTITION_ENTRIES, minimumIndex);
    const id = firstEvent['id'] as string;
    await expect(assertNotDropped(id, { reader, minimumIndex })).rejects.toMatchObject(gone);
    await assertNotDropped('018f0000-0000-7000-8000-000000000000', { reader, minimumIndex });
    expect((await findEvents(reader, {}, -1, 1))[0]?.seq).toBe(PARTITION_ENTRIES);
  });

  test('leaves a log that verifies: as it runs, after a restart, and where nothing is known of it', async () => {
    await audit.log.verify();
    expect(await audit.log.integrity()).toMatchObject({ status: 'OK', holes: [] });
    await audit.restart();
    await audit.log.verify();
    expect(await audit.log.integrity()).toMatchObject({ status: 'OK', holes: [] });
    await audit.stop();
    await rm(join(audit.home, 'audit', 'verified'));
    await audit.restart();
    await audit.log.verify();
    const { status, verifiedSize, size, holes } = await audit.log.integrity();
    expect({ status, unverified: size - verifiedSize, holes }).toEqual({
      status: 'OK',
      unverified: 0,
      holes: [],
    });
  });

  test('is judged by the offline verifier: whole where the log says so, tampered with where it does not', async () => {
    await audit.log.advance();
    const folder = await mkdtemp(join(tmpdir(), 'aduana-retained-'));
    const checkpoint = (await audit.log.proofs.checkpoint()).note;
    const stored = await readStoredLog(audit.log.reader, { vkey: audit.log.vkey(), checkpoint });
    await exportLog({ ...stored, close: () => Promise.resolve() }, folder);
    const verdict = async (since?: string) =>
      verifyLog({ folder, now: clock.now(), ...(since === undefined ? {} : { sinceFile: since }) });
    await writeFile(join(folder, 'since'), (await audit.log.proofs.checkpoint(300)).note);
    const whole = await verdict(join(folder, 'since'));
    expect(whole.lines.join('\n')).toContain('65536 entries dropped by retention');
    expect(whole.exitCode).toBe(EXIT.whole);

    const hashes = await readFile(join(folder, 'dropped-hashes'));
    await writeFile(
      join(folder, 'dropped-hashes'),
      Buffer.concat([leafHash('another'), hashes.subarray(32)]),
    );
    expect((await verdict()).exitCode).toBe(EXIT.tampered);
    await writeFile(join(folder, 'dropped-hashes'), hashes.subarray(32));
    expect((await verdict()).exitCode).toBe(EXIT.tampered);
    await writeFile(join(folder, 'dropped-hashes'), hashes);
    const note = await readFile(join(folder, 'minimum-index'), 'utf8');
    await writeFile(join(folder, 'minimum-index'), note.replace('65536', '65535'));
    expect((await verdict()).exitCode).toBe(EXIT.tampered);
    await rm(join(folder, 'minimum-index'));
    expect((await verdict()).exitCode).toBe(EXIT.tampered);
    await rm(folder, { recursive: true });
  });

  test('hides no tampering: a hash of a dropped entry that was changed is found', async () => {
    const change = (placing: string) =>
      asSuperuser(
        audit,
        `UPDATE tiles SET hashes = overlay(hashes placing '${placing}' from 40 for 1) WHERE level = 0 AND index = 7`,
      );
    const { rows } = await audit.log.reader.query<{ byte: number }>(
      'SELECT get_byte(hashes, 39) AS byte FROM tiles WHERE level = 0 AND index = 7',
    );
    const byte = rows[0]?.byte ?? 0;
    const hex = (value: number): string => `\\x${value.toString(16).padStart(2, '0')}`;
    await change(hex(byte ^ 1));
    await audit.log.verify();
    expect((await audit.log.integrity()).status).toBe('TAMPERED');
    await change(hex(byte));
    await audit.restart();
    await audit.log.verify();
    expect((await audit.log.integrity()).status).toBe('OK');
  });

  test('is not claimed by who has the database alone: a minimum index that the log has not signed is found', async () => {
    await audit.store.writer.query(
      `INSERT INTO minimum_indexes (minimum_index, note, signed_at)
       SELECT 131072, replace(note, '65536', '131072'), now() FROM minimum_indexes`,
    );
    await audit.log.verify();
    expect((await audit.log.integrity()).status).toBe('TAMPERED');
  });
});
