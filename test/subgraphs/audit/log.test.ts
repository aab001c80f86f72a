import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openCheckpoint } from '@aduana/server-kit/audit/checkpoint';
import { leafHash } from '@aduana/server-kit/audit/merkle';
import { verifyConsistency, verifyInclusion } from '@aduana/audit-verifier/merkle';
import type { OpenLog } from '../../../subgraphs/audit/open-log.ts';
import { findEventById, findEvents } from '../../../subgraphs/audit/reading/stored-event.ts';
import { postedBody, postedEvent } from '../../support/audit-events.ts';
import { openTestLog, type TestLog } from '../../support/open-test-log.ts';
import { describeStores } from '../../support/stores.ts';

describeStores('the audit log', (openStore) => {
  let audit: TestLog;
  let log: OpenLog;
  beforeEach(async () => {
    audit = await openTestLog(openStore);
    log = audit.log;
  });
  afterEach(() => audit.remove());

  const wholeLog = () => findEvents(log.reader, {}, -1, 1000);

  test('appends in order, stamps the peer, and hashes exactly what it shows', async () => {
    const first = postedEvent({ source: { instance: 'i', boot_id: 'b', n: 0, peer: 'admin' } });
    const second = postedEvent({ type: 'request.flood' });
    expect(await log.ingest.accept('gateway', postedBody(first, second))).toBe(2);
    const [start, ...stored] = await wholeLog();
    expect(start).toMatchObject({ seq: 0, type: 'source.start' });
    expect(stored.map(({ seq, id, type }) => ({ seq, id, type }))).toEqual([
      { seq: 1, id: first['id'], type: 'request' },
      { seq: 2, id: second['id'], type: 'request.flood' },
    ]);
    expect(JSON.parse(stored[0]?.canonical ?? '')).toMatchObject({
      source: { peer: 'gateway', instance: 'i', n: 0 },
    });
    for (const { canonical, leaf_hash } of stored) expect(leaf_hash).toEqual(leafHash(canonical));
  });

  test('takes the same event twice as one', async () => {
    const body = postedBody(postedEvent(), postedEvent());
    await log.ingest.accept('gateway', body);
    await log.ingest.accept('gateway', body);
    expect(await wholeLog()).toHaveLength(3);
  });

  test('refuses another event under the same id, and records that', async () => {
    const event = postedEvent();
    await log.ingest.accept('gateway', postedBody(event));
    await expect(
      log.ingest.accept('gateway', postedBody({ ...event, outcome: 'DENIED' })),
    ).rejects.toMatchObject({ code: 'AUDIT_CONFLICT', status: 409 });
    const all = await wholeLog();
    expect(all.filter(({ id }) => id === event['id'])).toHaveLength(1);
    expect(all.at(-1)).toMatchObject({ type: 'audit.conflict', actor: 'gateway' });
  });

  test('keeps one peer from taking the id of another', async () => {
    const event = postedEvent({ type: 'app.claim' });
    await log.ingest.accept('leads', postedBody(event));
    await log.ingest.accept('gateway', postedBody({ ...event, type: 'request' }));
    expect((await wholeLog()).filter(({ id }) => id === event['id'])).toHaveLength(2);
    expect(await findEventById(log.reader, event['id'] as string)).toMatchObject({ type: 'request' });
  });

  test('lets a peer write only the types that are its own', async () => {
    await expect(log.ingest.accept('leads', postedBody(postedEvent()))).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    await expect(
      log.ingest.accept('gateway', postedBody(postedEvent({ type: 'token.issue' }))),
    ).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await log.ingest.accept('sts', postedBody(postedEvent({ type: 'token.issue' })));
  });

  test('names the member that is wrong', async () => {
    for (const [member, value] of Object.entries({
      v: 2,
      id: 'x',
      time: 'now',
      type: 'A',
      outcome: 'YES',
      actor: {},
    }))
      await expect(
        log.ingest.accept('gateway', postedBody(postedEvent({ [member]: value }))),
      ).rejects.toMatchObject({ code: 'BAD_REQUEST', extensions: { event: 0, member } });
  });

  test.each([
    '2026-02-30T00:00:00.000Z',
    '0000-01-01T00:00:00.000Z',
    '0044-03-15T00:00:00.000Z',
    '1969-12-31T23:59:59.999Z',
    '3000-01-01T00:00:00.000Z',
    '2026-01-01T24:00:00.000Z',
  ])(
    'refuses an event of the time %s, which databases and their drivers do not agree on, and nothing else with it',
    async (time) => {
      const [, hostile, other] = await Promise.allSettled([
        log.ingest.accept('gateway', postedBody(postedEvent())),
        log.ingest.accept('leads', postedBody(postedEvent({ type: 'app.claim', time }))),
        log.ingest.accept('gateway', postedBody(postedEvent())),
      ]);
      expect(other).toMatchObject({ status: 'fulfilled' });
      expect(hostile).toMatchObject({ reason: { code: 'BAD_REQUEST', extensions: { member: 'time' } } });
    },
  );

  test('stores what would break a text column or a canonical form', async () => {
    const hostile = postedEvent({
      request: { operation_name: 'a\0b\ud800', document_sha256: null, fields: [], subgraphs: [] },
      detail: { deep: 'DEEP', long: 'x'.repeat(500_000) },
    });
    const body = postedBody(hostile).replace('"DEEP"', '['.repeat(5000) + ']'.repeat(5000));
    await log.ingest.accept('gateway', body);
    const [stored] = (await wholeLog()).slice(-1);
    expect(stored).toMatchObject({ id: hostile['id'], operation: 'a�b�' });
    expect(JSON.parse(stored?.canonical ?? '')).toMatchObject({ id: hostile['id'], truncated: true });
  });

  test('gives concurrent posts numbers without a gap', async () => {
    await Promise.all(
      Array.from({ length: 40 }, () =>
        log.ingest.accept('gateway', postedBody(postedEvent(), postedEvent())),
      ),
    );
    expect((await wholeLog()).map(({ seq }) => seq)).toEqual(Array.from({ length: 81 }, (_, seq) => seq));
  });

  test('proves every entry and every growth to a verifier that shares no code', async () => {
    for (let round = 0; round < 3; round += 1)
      await log.ingest.accept('gateway', postedBody(...Array.from({ length: 100 }, () => postedEvent())));
    await log.advance();
    const last = await log.proofs.checkpoint();
    expect(openCheckpoint(last.note, [log.vkey()])).toEqual({
      origin: 'aduana.local/audit',
      size: 301,
      root: last.root,
    });
    for (const seq of [0, 1, 127, 255, 256, 300]) {
      const { leafHash: leaf, hashes, checkpoint } = await log.proofs.inclusion(seq);
      expect(
        verifyInclusion({ index: seq, size: 301, leafHash: leaf, root: checkpoint.root, proof: hashes }),
      ).toBe(true);
    }
    for (const size of [1, 2, 255, 256, 257, 300]) {
      const { root, note } = await log.proofs.checkpoint(size);
      expect(openCheckpoint(note, [log.vkey()])).toMatchObject({ size });
      const proof = await log.proofs.consistency(size, 301);
      expect(
        verifyConsistency({ first: size, second: 301, firstRoot: root, secondRoot: last.root, proof }),
      ).toBe(true);
    }
    await expect(log.proofs.checkpoint(302)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    await expect(log.proofs.inclusion(301)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    await expect(log.proofs.consistency(5, 4)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });

  test('goes on after a restart from what it had signed', async () => {
    await log.ingest.accept('gateway', postedBody(...Array.from({ length: 300 }, () => postedEvent())));
    await audit.restart();
    log = audit.log;
    await log.ingest.accept('gateway', postedBody(postedEvent()));
    await log.advance();
    expect(log.contradiction()).toBeUndefined();
    expect((await log.proofs.checkpoint()).size).toBe(304);
  });

  test('seals personal data: erasing a person changes no hash', async () => {
    const event = postedEvent({ pii: { subject: 'ada@example.com', values: { email: 'ada@example.com' } } });
    await log.ingest.accept('gateway', postedBody(event));
    await log.ingest.accept('gateway', postedBody(event));
    const [before] = (await wholeLog()).slice(-1);
    expect(before?.canonical).not.toContain('ada@example.com');
    expect(await log.subjectKeys.destroy('ada@example.com')).toBe(true);
    const [after] = (await wholeLog()).slice(-1);
    expect(after?.leaf_hash).toEqual(leafHash(before?.canonical ?? ''));
    expect(await log.subjectKeys.find(log.subjectKeys.nameOf('ada@example.com'))).toBeUndefined();
  });

  test('the database is told what a full partition holds, and no server has to find it out by itself', async () => {
    await log.ingest.accept('gateway', postedBody(postedEvent(), postedEvent()));
    const { superuser, writer } = audit.store;
    const settle = async () => (await writer.query('SELECT settle_partition() AS settled')).rows;
    const known = async () => (await superuser.query(`SELECT attname FROM pg_stats WHERE tablename = 'entries_00000000' ORDER BY 1`)).rows;
    expect(await settle()).toEqual([{ settled: false }]);
    expect(await known()).toEqual([]);
    await superuser.query('UPDATE audit.head SET size = 65536');
    // an index at a time, then what is in it
    for (let call = 0; call < 5; call += 1) expect(await settle()).toEqual([{ settled: true }]);
    expect(await known()).toContainEqual({ attname: 'actor' });
    expect(await settle()).toEqual([{ settled: false }]);
  }); // prettier-ignore
});
