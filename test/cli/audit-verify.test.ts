import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogSource } from '@aduana/audit-verifier/log-source';
import { UsageProblem, Tampering } from '@aduana/audit-verifier/problems';
import { EXIT } from '@aduana/audit-verifier/verdict';
import { verifySource } from '@aduana/audit-verifier/verify-source';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Command } from 'commander';
import { registerAudit } from '../../cli/audit.ts';
import { bootOf, noteOver, TEST_SIGNER, writeExport } from '../support/exported-log.ts';

const texts = bootOf({ type: 'source.start' }, { type: 'source.stop' });

/** The temporary folders into which the log with this key was read. */
async function foldersOf(vkey: string): Promise<readonly string[]> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith('aduana-audit-'));
  const keys = await Promise.all(
    names.map((name) => readFile(join(tmpdir(), name, 'vkey'), 'utf8').catch(() => '')),
  );
  return names.filter((_, at) => keys[at] === vkey);
}

describe('a log that is read into a temporary folder', () => {
  const vkey = randomUUID();
  let closed = 0;
  const verify = (members: Partial<LogSource>) => {
    const source: LogSource = {
      isRunning: true,
      vkey,
      checkpoint: noteOver(texts),
      minimumIndex: '',
      timestamped: { note: '', response: Buffer.alloc(0) },
      hashes: () => Promise.reject(new Error('none are dropped')),
      entries: () => Promise.resolve(texts),
      close() {
        closed += 1;
        return Promise.resolve();
      },
      ...members,
    };
    return verifySource(() => Promise.resolve(source), { now: Date.now(), vkey: TEST_SIGNER.vkey });
  };
  beforeEach(() => {
    closed = 0;
  });
  afterEach(async () => {
    expect(closed).toBe(1);
    expect(await foldersOf(vkey)).toEqual([]);
  });

  test('is judged, and nothing of it stays', async () => {
    const entries = async (): Promise<readonly string[]> => {
      expect(await foldersOf(vkey)).toHaveLength(1);
      return texts;
    };
    expect(await verify({ entries })).toMatchObject({ verdict: 'WHOLE' });
  });

  test('gets a verdict where it contradicts a signature while it is read', async () => {
    expect(await verify({ minimumIndex: 'x\nminimum index 5\n' })).toMatchObject({
      exitCode: EXIT.tampered,
      lines: ['TAMPERED: the minimum index is beyond the signed tree'],
    });
  });

  test('gets one where an entry is not the one that is signed', async () => {
    const entries = () => Promise.reject(new Tampering('entry 0 is another one'));
    expect(await verify({ entries })).toMatchObject({ lines: ['TAMPERED: entry 0 is another one'] });
  });

  test('cannot be judged where it cannot be read', async () => {
    const entries = () => Promise.reject(new UsageProblem('the store does not answer'));
    expect(await verify({ entries })).toMatchObject({
      exitCode: EXIT.usage,
      lines: ['the store does not answer'],
    });
  });

  test('leaves nothing where the service goes away', async () => {
    const entries = () => Promise.reject(new Error('the service went away'));
    await expect(verify({ entries })).rejects.toThrow('the service went away');
  });
});

describe('aduana audit verify', () => {
  async function run(...words: readonly string[]): Promise<unknown> {
    const program = new Command().exitOverride();
    registerAudit(program, {
      environment: {},
      clock: createSystemClock(),
      log: createLog('silent', () => undefined),
      print: () => undefined,
      printError: () => undefined,
    });
    return program
      .parseAsync(['audit', 'verify', ...words], { from: 'user' })
      .catch((error: unknown) => error);
  }

  test('does not say that a log was tampered with where a file of it cannot be read', async () => {
    const out = await writeExport(texts);
    await rm(join(out, 'entries.jsonl'));
    await mkdir(join(out, 'entries.jsonl'));
    expect(await run(out)).toMatchObject({
      exitCode: EXIT.usage,
      message: expect.stringMatching(/^The log cannot be verified: EISDIR/) as unknown,
    });
  });
});
