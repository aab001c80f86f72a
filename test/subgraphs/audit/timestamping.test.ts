import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createNoteSigner, signCheckpoint } from '@aduana/server-kit/audit/checkpoint';
import { EMPTY_ROOT } from '@aduana/server-kit/audit/merkle';
import { createTimestampRequest } from '@aduana/server-kit/audit/timestamp-token';
import { createSystemClock } from '@aduana/core/platform/clock';
import { EXIT } from '@aduana/audit-verifier/verdict';
import { verifyLog } from '@aduana/audit-verifier/verify-log';
import { exportLog } from '@aduana/audit-verifier/export-log';
import { readStoredLog } from '../../../cli/stored-log.ts';
import { postedBody, postedEvent } from '../../support/audit-events.ts';
import { openTestLog, type TestLog } from '../../support/open-test-log.ts';
import {
  describeStampedStores,
  startTimestampAuthority,
  type TimestampAuthority,
} from '../../support/timestamp-authority.ts';
import { underLoad } from '../../support/until.ts';

const clock = createSystemClock();

const requestFor = (text: string): Buffer =>
  createTimestampRequest(createHash('sha256').update(text).digest(), Buffer.from([1]));

describeStampedStores('time stamps of checkpoints', (openStore) => {
  let authority: TimestampAuthority;
  let audit: TestLog;
  let folder: string;
  const open = (environment: Readonly<Record<string, string>> = {}) =>
    openTestLog(openStore, {
      AUDIT_TIMESTAMP_URL: authority.url,
      AUDIT_TIMESTAMP_CA: authority.caFile,
      ...environment,
    });
  beforeEach(async () => {
    authority = await startTimestampAuthority();
    counter.n = 0;
    folder = await mkdtemp(join(tmpdir(), 'aduana-stamped-'));
  });
  afterEach(async () => {
    await audit.remove();
    await authority.stop();
    await rm(folder, { recursive: true });
  });

  const counter = { n: 0 };
  const post = () => {
    const source = { instance: 'gateway@test', boot_id: authority.url, n: counter.n };
    counter.n += 1;
    return audit.log.ingest.accept('gateway', postedBody(postedEvent({ source })));
  };
  const count = async (): Promise<number> =>
    (await audit.log.reader.query('SELECT 1 FROM timestamps')).rows.length;

  async function exportTo(): Promise<void> {
    const checkpoint = (await audit.log.proofs.checkpoint()).note;
    const stored = await readStoredLog(audit.log.reader, { vkey: audit.log.vkey(), checkpoint });
    await exportLog({ ...stored, close: () => Promise.resolve() }, folder);
  }
  const verdict = () => verifyLog({ folder, now: clock.now() });

  test('are kept beside them, exported, and verified by OpenSSL and by the offline verifier', async () => {
    audit = await open();
    await audit.log.stamp();
    expect((await audit.log.timestamps.last())?.note).toBe((await audit.log.proofs.checkpoint()).note);
    await post();
    await audit.log.advance();
    await exportTo();
    const { exitCode, lines } = await verdict();
    expect(exitCode).toBe(EXIT.whole);
    expect(lines.join('\n')).toMatch(/a time stamp says that 1 entries were there at \d{4}-\d\d-\d\dT/);
    const verified = execFileSync(
      'openssl',
      [
        ...['ts', '-verify', '-data', join(folder, 'timestamped-checkpoint')],
        ...['-in', join(folder, 'timestamp.tsr'), '-CAfile', authority.caFile],
      ],
      { stdio: 'pipe' },
    ).toString();
    expect(verified).toContain('OK');
  });

  test('are found not to be of the log', async () => {
    audit = await open();
    await audit.log.stamp();
    await exportTo();
    const stamp = await readFile(join(folder, 'timestamp.tsr'));
    const note = await readFile(join(folder, 'timestamped-checkpoint'), 'utf8');
    await post();
    await audit.log.advance();
    await audit.log.stamp();
    await exportTo();
    expect((await verdict()).exitCode).toBe(EXIT.whole);
    await writeFile(join(folder, 'timestamp.tsr'), stamp);
    expect((await verdict()).exitCode).toBe(EXIT.tampered);
    await writeFile(join(folder, 'timestamped-checkpoint'), note);
    expect((await verdict()).exitCode).toBe(EXIT.whole);
    await writeFile(join(folder, 'timestamped-checkpoint'), note.replace('\n1\n', '\n2\n'));
    expect((await verdict()).exitCode).toBe(EXIT.tampered);
    await writeFile(join(folder, 'timestamped-checkpoint'), note);
    await writeFile(join(folder, 'timestamp.tsr'), stamp.subarray(0, stamp.length - 1));
    expect((await verdict()).exitCode).toBe(EXIT.tampered);
  });

  test('are still of the log after its key was rotated', async () => {
    audit = await open();
    await audit.log.stamp();
    await exportTo();
    const [origin = '', size, root = ''] = (await readFile(join(folder, 'checkpoint'), 'utf8')).split('\n');
    const rotated = createNoteSigner(origin, Buffer.alloc(32, 7));
    const checkpoint = { origin, size: Number(size), root: Buffer.from(root, 'base64') };
    await writeFile(join(folder, 'checkpoint'), signCheckpoint(checkpoint, [rotated]));
    await writeFile(join(folder, 'vkey'), rotated.vkey);
    expect(await verdict()).toMatchObject({ exitCode: EXIT.whole });
    expect((await verdict()).lines.join('\n')).toContain('a time stamp says that');
    const note = await readFile(join(folder, 'timestamped-checkpoint'), 'utf8');
    const forged = note.replace(root, EMPTY_ROOT.toString('base64'));
    await writeFile(join(folder, 'timestamped-checkpoint'), forged);
    await writeFile(join(folder, 'timestamp.tsr'), await authority.reply(requestFor(forged)));
    expect((await verdict()).exitCode).toBe(EXIT.tampered);
  });

  test('are asked for once for the same checkpoint, and not before their interval', async () => {
    audit = await open();
    await audit.log.stamp();
    await audit.log.stamp();
    expect(await count()).toBe(1);
    await post();
    await audit.log.advance();
    await audit.restart();
    await clock.sleep(300);
    expect(await count()).toBe(1);
  });

  test.each([
    ['cuts its answer', (genuine: Buffer) => genuine.subarray(0, 50)],
    ['answers with something else', () => Buffer.from('<html>')],
    ['answers with too much', () => Buffer.alloc(100_000)],
  ])('are not kept where the authority %s, and the log goes on', async (_, answer) => {
    authority.answer = answer;
    audit = await open();
    await expect(audit.log.stamp()).rejects.toThrow();
    await post();
    await audit.log.advance();
    expect(await count()).toBe(0);
    expect((await audit.log.integrity()).status).toBe('OK');
    authority.answer = undefined;
    await audit.log.stamp();
    expect(await count()).toBe(1);
  });

  test('are not waited for when the log stops', async () => {
    let isAsked: (() => void) | undefined;
    const asked = new Promise<void>((resolve) => (isAsked = resolve));
    const silent = createServer(() => isAsked?.()).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    audit = await open({ AUDIT_TIMESTAMP_URL: `http://127.0.0.1:${String(port)}/` });
    await audit.restart(); // a checkpoint is there now
    await asked;
    const began = clock.monotonic();
    await audit.stop();
    expect(clock.monotonic() - began).toBeLessThan(underLoad(2500));
    silent.closeAllConnections();
    silent.close();
  });

  test.each([
    ['tells another time', 600_000, 'minutes from ours'],
    ['has a certificate that has expired', 10 * 86_400_000, 'has expired'],
  ])('are not kept where the authority %s', async (_, ahead, problem) => {
    audit = await openTestLog(
      openStore,
      { AUDIT_TIMESTAMP_URL: authority.url, AUDIT_TIMESTAMP_CA: authority.caFile },
      { ...clock, now: () => clock.now() + ahead },
    );
    await expect(audit.log.stamp()).rejects.toThrow(problem);
    expect(await count()).toBe(0);
  });

  test('are not kept where an earlier answer is sent again', async () => {
    const earlier: Buffer[] = [];
    authority.answer = (genuine) => {
      earlier.push(genuine);
      return earlier[0] ?? genuine;
    };
    audit = await open();
    await audit.log.stamp();
    await post();
    await audit.log.advance();
    await expect(audit.log.stamp()).rejects.toThrow('of something else');
    expect(await count()).toBe(1);
  });

  test('are not kept of an authority that another CA vouches for', async () => {
    const other = await startTimestampAuthority();
    audit = await open({ AUDIT_TIMESTAMP_CA: other.caFile });
    await expect(audit.log.stamp()).rejects.toThrow('not signed by a trusted CA');
    expect(await count()).toBe(0);
    await other.stop();
  });

  test('need a CA to be believed', async () => {
    audit = await open();
    await expect(open({ AUDIT_TIMESTAMP_CA: '/nowhere' })).rejects.toMatchObject({
      problems: [{ subject: 'AUDIT_TIMESTAMP_CA' }],
    });
  });
});
