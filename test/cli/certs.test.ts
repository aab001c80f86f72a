import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { X509Certificate } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { Command } from 'commander';
import { registerCerts } from '../../cli/certs.ts';
import { createTestCa } from '../support/test-ca.ts';

let folder: string;
let printed: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aduana-cli-'));
  printed = [];
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function aduana(...words: string[]): Promise<void> {
  const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  registerCerts(program, {
    environment: { ADUANA_HOME: join(folder, 'home'), CERTS_DIR: join(folder, 'certs') },
    clock: createSystemClock(),
    log: createLog('silent', () => undefined),
    print: (line) => printed.push(line),
    printError: (line) => printed.push(line),
  });
  await program.parseAsync(words, { from: 'user' });
}

async function serialOf(service: string): Promise<string> {
  return new X509Certificate(await readFile(join(folder, 'certs', `${service}.crt`))).serialNumber;
}

async function authorities(): Promise<number> {
  return (await readFile(join(folder, 'certs', 'ca.crt'), 'utf8')).split('BEGIN CERTIFICATE').length - 1;
}

test('certs makes what is missing and says so', async () => {
  await aduana('certs');
  expect(printed).toHaveLength(10);
  printed = [];
  await aduana('certs');
  expect(printed).toEqual([expect.stringMatching(/^nothing is missing/)]);
});

test('renew without a name renews only what is due, with a name that one, with --force all', async () => {
  await aduana('certs');
  const [sts, audit] = [await serialOf('sts'), await serialOf('audit')];
  await aduana('certs', 'renew');
  expect(await serialOf('sts')).toBe(sts);
  await aduana('certs', 'renew', 'sts');
  expect(await serialOf('sts')).not.toBe(sts);
  expect(await serialOf('audit')).toBe(audit);
  await aduana('certs', 'renew', '--force');
  expect(await serialOf('audit')).not.toBe(audit);
  await expect(aduana('certs', 'renew', 'nobody')).rejects.toMatchObject({ exitCode: 64 });
});

test('a change of CA trusts both, reissues, and drops the former one last', async () => {
  await aduana('certs');
  await aduana('certs', 'renew', '--authority', 'introduce');
  expect(await authorities()).toBe(2);
  await expect(aduana('certs', 'renew', '--authority', 'drop')).rejects.toMatchObject({
    problems: expect.arrayContaining([
      expect.objectContaining({ problem: expect.stringMatching(/still comes from a former CA/) }),
    ]),
  });
  printed = [];
  await aduana('certs', 'status');
  expect(printed.filter((line) => line.includes('former CA'))).toHaveLength(10);
  await aduana('certs', 'renew', '--force');
  await aduana('certs', 'renew', '--authority', 'drop');
  expect(await authorities()).toBe(1);
  printed = [];
  await aduana('certs', 'status');
  expect(printed.filter((line) => line.includes('current CA'))).toHaveLength(10);
});

test("an operator's own CA is not touched by renew", async () => {
  await (await createTestCa()).write(join(folder, 'certs'));
  await expect(aduana('certs', 'renew', '--force')).rejects.toMatchObject({
    problems: [{ problem: expect.stringMatching(/no CA of the deployment/) }],
  });
});

test('revoke refuses what is neither a thumbprint nor a certificate file', async () => {
  await expect(aduana('certs', 'revoke', '/nowhere', '--reason', 'x')).rejects.toMatchObject({
    exitCode: 64,
  });
});
