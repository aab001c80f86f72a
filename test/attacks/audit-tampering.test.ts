import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { AUDIT_SCHEMA } from '../../subgraphs/audit/log/schema.ts';
import { postedBody, postedEvent } from '../support/audit-events.ts';
import { openTestLog, type TestLog } from '../support/open-test-log.ts';
import { describeStores } from '../support/stores.ts';

describeStores('whoever tampers with the log', (openStore) => {
  let audit: TestLog;
  beforeEach(async () => {
    audit = await openTestLog(openStore);
    await post(300);
    await audit.log.advance();
  });
  afterEach(() => audit.remove());

  async function post(count: number): Promise<void> {
    const events = Array.from({ length: count }, (_, n) =>
      postedEvent({ source: { instance: 'gateway@test', boot_id: String(count), n } }),
    );
    await audit.log.ingest.accept('gateway', postedBody(...events));
  }

  /** As the database's superuser, who can switch every trigger off. */
  async function asSuperuser(...statements: readonly string[]): Promise<void> {
    await audit.store.superuser.transaction(async (transaction) => {
      await transaction.query(`SET LOCAL search_path TO ${AUDIT_SCHEMA}`);
      for (const table of ['entries', 'entries_00000000', 'event_ids', 'tiles', 'checkpoints'])
        await transaction.query(`ALTER TABLE ${table} DISABLE TRIGGER ALL`);
      for (const statement of statements) await transaction.query(statement);
    });
  }

  const REFUSED = [
    'UPDATE entries SET canonical = canonical',
    'UPDATE entries_00000000 SET canonical = canonical',
    'DELETE FROM entries',
    // a row ahead of the head would be in the way of every entry once the head comes there
    'INSERT INTO entries SELECT * FROM entries WHERE false',
    'INSERT INTO event_ids SELECT * FROM event_ids WHERE false',
    'UPDATE head SET size = size + 1',
    'TRUNCATE entries',
    'TRUNCATE entries_00000000',
    'DROP TABLE entries_00000000',
    'ALTER TABLE entries DISABLE TRIGGER ALL',
    'UPDATE event_ids SET seq = 0',
    'DELETE FROM tiles',
    'DELETE FROM checkpoints',
    'TRUNCATE checkpoints',
  ];
  test('is refused as the roles that the service works with', async () => {
    for (const statement of REFUSED)
      for (const role of [audit.store.writer, audit.store.reader])
        await expect(role.query(statement)).rejects.toMatchObject({ sqlState: '42501' });
    await expect(audit.store.writer.query('SELECT canonical FROM entries')).rejects.toMatchObject({
      sqlState: '42501',
    });
    await expect(audit.store.reader.query('UPDATE head SET size = 0')).rejects.toMatchObject({
      sqlState: '42501',
    });
  });

  test('is stopped by the triggers even with replication switched on', async () => {
    await expect(
      audit.store.superuser.transaction(async (transaction) => {
        await transaction.query('SET LOCAL session_replication_role = replica');
        await transaction.query(`DELETE FROM ${AUDIT_SCHEMA}.entries WHERE seq = 5`);
      }),
    ).rejects.toMatchObject({ sqlState: '42501' });
  });

  const ONE_BYTE = `canonical = overlay(canonical placing 'x' from 20 for 1)`;
  test.each([
    ['a row is changed', [`UPDATE entries SET ${ONE_BYTE} WHERE seq = 7`]],
    ['a row and its hash are changed', [`UPDATE entries SET ${ONE_BYTE} WHERE seq = 280`, `UPDATE entries SET leaf_hash = sha256('\\x00'::bytea || convert_to(canonical, 'UTF8')) WHERE seq = 280`]],
    ['a column to search by is changed', [`UPDATE entries SET actor = 'nobody' WHERE seq = 7`]],
    ['a row is deleted', ['DELETE FROM entries WHERE seq = 7']],
    ['two rows are swapped', ['UPDATE entries SET seq = 65000 WHERE seq = 7', 'UPDATE entries SET seq = 7 WHERE seq = 8', 'UPDATE entries SET seq = 8 WHERE seq = 65000']],
    ['the last rows are deleted', ['DELETE FROM entries WHERE seq >= 290']],
    ['a partition is dropped', ['DROP TABLE entries_00000000']],
    ['a partition is dropped under a minimum index of one\'s own', ['DROP TABLE entries_00000000', `INSERT INTO minimum_indexes (minimum_index, note, signed_at) VALUES (65536, E'aduana.local/audit\\nminimum index 65536\\n\\n— aduana.local/audit AAAA\\n', now())`]],
    ['a tile is changed', ['UPDATE tiles SET hashes = set_byte(hashes, 2, 255 - get_byte(hashes, 2))']],
    ['a checkpoint is changed', [`UPDATE checkpoints SET root = sha256('') WHERE size > 200`]],
  ])('is found when %s', async (_, statements) => {
    await asSuperuser(...statements);
    await audit.log.verify();
    expect((await audit.log.integrity()).status).toBe('TAMPERED');
    await expect(audit.log.proofs.checkpoint(3)).rejects.toMatchObject({ code: 'CONFLICT' });
  }); // prettier-ignore

  test('is recorded in the log itself', async () => {
    await asSuperuser(`UPDATE entries SET ${ONE_BYTE} WHERE seq = 7`);
    await audit.log.verify();
    await audit.log.audit.record({
      type: 'audit.read', class_uid: 6003, outcome: 'ALLOWED',
      actor: { sub: 'x', client_id: null, act: [], auth_method: null, cert_thumbprint: null },
    }); // prettier-ignore
    const { rows } = await audit.log.reader.query(`SELECT 1 FROM entries WHERE type = 'audit.tampered'`);
    expect(rows).toHaveLength(1);
  });

  const OLDER_BACKUP = [
    'DELETE FROM entries WHERE seq >= 200',
    'DELETE FROM event_ids WHERE seq >= 200',
    'DELETE FROM tiles',
    'DELETE FROM checkpoints',
    'UPDATE head SET size = 200',
  ];

  test('is not signed for once an older backup was restored, and the last note is still shown', async () => {
    const before = await audit.log.proofs.checkpoint();
    await audit.stop();
    await asSuperuser(...OLDER_BACKUP);
    await audit.restart();
    await audit.log.advance();
    expect((await audit.log.integrity()).status).toBe('TAMPERED');
    expect((await audit.log.proofs.checkpoint()).size).toBeGreaterThanOrEqual(before.size);
    expect((await audit.log.reader.query('SELECT 1 FROM checkpoints')).rows).toEqual([]);
  });

  test('is found when the restored log has outgrown what was signed', async () => {
    await audit.stop();
    await asSuperuser(...OLDER_BACKUP);
    await audit.restart();
    await post(201);
    await audit.restart();
    await audit.log.advance();
    expect((await audit.log.integrity()).status).toBe('TAMPERED');
    expect((await audit.log.reader.query('SELECT 1 FROM checkpoints')).rows).toEqual([]);
  });

  test('is not suspected where nothing happened', async () => {
    await audit.log.verify();
    expect(await audit.log.integrity()).toMatchObject({
      status: 'OK',
      size: 301,
      verifiedSize: 301,
      lag: 0,
      holes: [],
    });
    await audit.restart();
    await audit.log.verify();
    expect((await audit.log.integrity()).status).toBe('OK');
  });
});
