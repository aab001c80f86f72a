import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Command } from 'commander';
import { EXIT } from '@aduana/audit-verifier/verdict';
import { verifyLog } from '@aduana/audit-verifier/verify-log';
import { exportLog } from '@aduana/audit-verifier/export-log';
import { registerAudit } from '../../cli/audit.ts';
import type { LogSource } from '@aduana/audit-verifier/log-source';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aduana-export-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function exportTo(out: string): Promise<void> {
  const program = new Command().exitOverride();
  registerAudit(program, {
    environment: { ADUANA_HOME: join(folder, 'no-deployment') },
    clock: createSystemClock(),
    log: createLog('silent', () => undefined),
    print: () => undefined,
    printError: () => undefined,
  });
  await program.parseAsync(['audit', 'export', '--out', out], { from: 'user' });
}

/** A log of 300 entries that ends where a test says. */
function sourceEndingAt(end: number): LogSource {
  return {
    isRunning: false,
    vkey: 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
    checkpoint: 'origin\n300\nAAAA\n',
    minimumIndex: '',
    timestamped: { note: '', response: Buffer.alloc(0) },
    hashes: () => Promise.reject(new Error('none are dropped')),
    entries: (from, to) =>
      to > end
        ? Promise.reject(new Error('the service went away'))
        : Promise.resolve(Array.from({ length: to - from }, (_, at) => `{"n":${String(from + at)}}`)),
    close: () => Promise.resolve(),
  };
}

describe('an export', () => {
  test('to where no folder can be made ends at once and names the folder, before the log is asked', async () => {
    await writeFile(join(folder, 'file'), 'kept');
    for (const out of ['/proc/x', '/proc/x/y', join(folder, 'file'), join(folder, 'file/below')])
      await expect(exportTo(out)).rejects.toMatchObject({
        exitCode: 1,
        message: expect.stringMatching(/cannot be written \([A-Z]+\)\n {2}-> /) as unknown,
      });
    expect(await readFile(join(folder, 'file'), 'utf8')).toBe('kept');
  });

  test('over an older one replaces it, and leaves what else is in the folder', async () => {
    await writeFile(join(folder, 'mine'), 'kept');
    await exportLog(sourceEndingAt(300), folder);
    expect(await exportLog(sourceEndingAt(300), folder)).toBe(300);
    expect((await readFile(join(folder, 'entries.jsonl'), 'utf8')).split('\n')).toHaveLength(301);
    expect((await readdir(folder)).sort()).toEqual(['checkpoint', 'entries.jsonl', 'mine', 'vkey']);
  });

  test('that was cut short is no proof of tampering, over an older one neither', async () => {
    await exportLog(sourceEndingAt(300), folder);
    await expect(exportLog(sourceEndingAt(256), folder)).rejects.toThrow('the service went away');
    const { exitCode, lines } = await verifyLog({ folder, now: 0 });
    expect({ exitCode, lines }).toEqual({
      exitCode: EXIT.usage,
      lines: [expect.stringMatching(/checkpoint cannot be read$/)],
    });
  });
});
