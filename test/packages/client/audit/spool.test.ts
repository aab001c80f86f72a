import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSpool, type Spool } from '@aduana/client/audit/spool';
import { encodeRecord } from '@aduana/client/audit/spool-segment';
import { createLog } from '@aduana/server-kit/platform/create-log';

const KEY = Buffer.alloc(32, 7);
const log = createLog('silent', () => undefined);

describe('the spool', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aduana-spool-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const open = (maxBytes = 1_000_000): Promise<Spool> => openSpool({ folder, key: KEY, maxBytes, log });
  const segments = async (): Promise<string[]> =>
    (await readdir(folder)).filter((name) => name.endsWith('.spool')).map((name) => join(folder, name));

  test('gives back what was appended, in order, and forgets what was dropped', async () => {
    const spool = await open();
    await spool.append(['one', 'two'], 1);
    await spool.append(['drei ñ'], 1);
    expect(await spool.peek(2, 1000)).toEqual(['one', 'two']);
    await spool.drop(2);
    expect(await spool.peek(10, 1000)).toEqual(['drei ñ']);
    await spool.drop(1);
    expect(spool.isEmpty).toBe(true);
    expect(await segments()).toEqual([]);
    await spool.append(['later'], 1);
    expect(await spool.peek(10, 1000)).toEqual(['later']);
    await spool.close();
  });

  test('holds across a restart whatever was not dropped', async () => {
    const first = await open();
    await first.append(['kept'], 1);
    await first.close();
    const second = await open();
    expect(second.isEmpty).toBe(false);
    await second.append(['more'], 1);
    expect(await second.peek(10, 1000)).toEqual(['kept']);
    await second.drop(1);
    expect(await second.peek(10, 1000)).toEqual(['more']);
    await second.close();
  });

  test('is cut at a torn tail', async () => {
    const first = await open();
    await first.append(['whole'], 1);
    await first.close();
    const [segment = ''] = await segments();
    await appendFile(segment, Buffer.from([0, 0, 0, 9, 1, 2, 3]));
    const second = await open();
    expect(await second.peek(10, 1000)).toEqual(['whole']);
    expect(second.takeLost()).toBe(0);
    await second.close();
  });

  test('does not send a record that another key has signed, nor one moved to another place', async () => {
    const first = await open();
    await first.append(['ours'], 1);
    await first.close();
    const [segment = ''] = await segments();
    const content = await readFile(segment);
    const name = segment.slice(-18);
    const forged = encodeRecord(Buffer.alloc(32, 8), name, content.length, Buffer.from('forged'));
    await writeFile(segment, Buffer.concat([content, forged, content]));
    const second = await open();
    expect(await second.peek(10, 1000)).toEqual(['ours']);
    expect(second.takeLost()).toBe(1);
    await second.close();
  });

  test('refuses what does not fit, and keeps room from those who are not known', async () => {
    const spool = await open(600);
    await spool.append(['a'.repeat(50)], 0.25);
    await expect(spool.append(['a'.repeat(50)], 0.25)).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
    await spool.append(['a'.repeat(50)], 1);
    await expect(spool.append(['a'.repeat(400)], 1)).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
    expect(await spool.peek(10, 1000)).toHaveLength(2);
    await spool.close();
  });
});
