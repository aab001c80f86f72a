/** The attacker has the login of the audit service's writer, which can add rows, and adds some to the checkpoints. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createSystemClock } from '@aduana/core/platform/clock';
import { openCheckpoint } from '@aduana/server-kit/audit/checkpoint';
import { createResolvers } from '../../subgraphs/audit/resolvers.ts';
import { readStream } from '../../subgraphs/audit/shippers/read-stream.ts';
import { postedBody, postedEvent } from '../support/audit-events.ts';
import { openTestLog, type TestLog } from '../support/open-test-log.ts';
import { describeStores } from '../support/stores.ts';

describeStores('rows that nobody signed, among the checkpoints', (openStore) => {
  const time = { skipped: 0 };
  const system = createSystemClock();
  const clock = { ...system, monotonic: () => system.monotonic() + time.skipped };
  let audit: TestLog;
  beforeEach(async () => {
    audit = await openTestLog(openStore, {}, clock);
    await grow();
  });
  afterEach(() => audit.remove());

  async function grow(count = 10): Promise<void> {
    await audit.log.ingest.accept(
      'gateway',
      postedBody(...Array.from({ length: count }, () => postedEvent())),
    );
    await audit.log.advance();
  }

  async function add(size: number, note: string, root: Buffer = Buffer.alloc(32)): Promise<void> {
    await audit.store.writer.query(
      `INSERT INTO checkpoints (size, root, note, signed_at) VALUES ($1, $2, $3, '2099-01-01')`,
      [size, root, note],
    );
  }

  /** What a reader is given, and whether the log's key has signed it. */
  async function served(size?: number) {
    const view = await audit.log.proofs.checkpoint(size);
    return {
      size: view.size,
      isSigned: openCheckpoint(view.note, [audit.log.vkey()])?.root.equals(view.root),
    };
  }

  async function sizeOfLog(): Promise<number> {
    const { rows } = await audit.store.reader.query<{ size: number }>('SELECT size FROM head');
    return rows[0]?.size ?? 0;
  }

  const NOTES = (): readonly string[] => [
    'x',
    `${audit.log.vkey().split('+')[0] ?? ''}\n1000000\nAAAA\n\n— x y\n`,
  ];

  test('stop no signing, and are served to nobody', async () => {
    for (const note of NOTES()) await add(1_000_000_000_000, note);
    await grow();
    expect(await served()).toEqual({ size: await sizeOfLog(), isSigned: true });
    for (let row = 0; row < 30; row += 1) await add(1_000_000_000_000, NOTES()[1] ?? '');
    expect((await served()).isSigned).toBe(true);
    await grow();
    expect(await served()).toEqual({ size: await sizeOfLog(), isSigned: true });
    expect(audit.log.contradiction()).toBeUndefined();
    await audit.restart();
    await grow();
    expect(await served()).toEqual({ size: await sizeOfLog(), isSigned: true });
    expect(await audit.log.integrity()).toMatchObject({ status: 'OK', lag: 0 });
  });

  test('take no place of a past one that is signed', async () => {
    const { size } = await served();
    await grow();
    await add(size, NOTES()[1] ?? '');
    expect(await served(size)).toEqual({ size, isSigned: true });
    expect((await audit.log.proofs.stored(size))?.size).toBe(size);
  });

  test('take no place in what a SIEM is sent, however many they are', async () => {
    const size = await sizeOfLog();
    for (let row = 0; row < 12; row += 1)
      for (const note of NOTES()) await add(size + 10, note, (await audit.log.proofs.checkpoint()).root);
    await grow();
    const { note } = await audit.log.proofs.checkpoint();
    await add(size + 5, note); // signed, and of another size
    const sent = await readStream(
      audit.log.reader,
      { seq: size, checkpointSize: size },
      10,
      audit.log.vkeys(),
    );
    expect(sent.filter(({ kind }) => kind === 'checkpoint')).toEqual([
      expect.objectContaining({ size: size + 10, note, root: openCheckpoint(note, audit.log.vkeys())?.root }),
    ]);
  });

  test('leave a reader the list of those that are signed', async () => {
    const list = async () => {
      const { AuditIntegrity } = createResolvers({ ...audit.log, clock });
      return (await AuditIntegrity.checkpoints(undefined, { last: 2 })).map(({ note }) => note);
    };
    await grow();
    const signed = await list();
    expect(signed).toHaveLength(2);
    for (let row = 0; row < 60; row += 1) await add(999_999, 'x');
    expect(await list()).toEqual(signed);
  });

  test('do not hide that nothing is signed any more', async () => {
    const { writer } = audit.store;
    writer.tryExclusively = () => Promise.resolve(undefined); // another session holds the lock
    await add(1_000_000_000_000, 'x');
    await grow();
    expect(await audit.log.integrity()).toMatchObject({ status: 'OK', lag: 10 });
    time.skipped += 10_001;
    await audit.log.advance();
    expect(await audit.log.integrity()).toMatchObject({ status: 'BEHIND', lag: 10 });
  });
});
