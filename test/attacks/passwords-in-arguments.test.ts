/**
 * The attacker is another user of the host, who reads the arguments of every process while the deployment makes its logins.
 */
import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

const LOGINS = ['migrator', 'sts', 'audit', 'admin'];
/** Notes what it was called with, and what it was given to read. */
const PSQL = `#!/bin/sh
printf '%s\\n' "$@" >>"$NOTES/arguments"
cat >>"$NOTES/read"
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aduana-logins-'));
  await writeFile(join(folder, 'psql'), PSQL);
  await chmod(join(folder, 'psql'), 0o755);
});
afterAll(() => rm(folder, { recursive: true }));

async function makeLogins(): Promise<void> {
  const script = await readFile('deploy/postgres/logins.sh', 'utf8');
  execFileSync('sh', ['-c', script.replaceAll('/run/secrets', folder)], {
    stdio: 'pipe',
    env: {
      ...{ PATH: `${folder}:${process.env['PATH'] ?? ''}`, NOTES: folder },
      ...{ POSTGRES_USER: 'postgres', POSTGRES_DB: 'aduana' },
    },
  });
}

test('no login is made without a password', async () => {
  await expect(makeLogins()).rejects.toThrow();
});

test('no password of the database stands in an argument', async () => {
  for (const name of LOGINS) await writeFile(join(folder, `${name}.password`), `secret-of-${name}`);
  await makeLogins();
  const given = await readFile(join(folder, 'arguments'), 'utf8');
  for (const name of LOGINS) expect(given).toContain(`name=aduana_${name}`);
  expect(given).not.toContain('secret-of-');
  expect(await readFile(join(folder, 'read'), 'utf8')).toContain("PASSWORD :'password'");
});
