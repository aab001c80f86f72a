import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createSecretProvider } from '@aduana/server-kit/secrets/create-secret-provider';
import { Command } from 'commander';
import { CommandFailure } from '../../cli/command-context.ts';
import { registerDoctor } from '../../cli/doctor.ts';
import type { Finding } from '../../cli/doctor-finding.ts';
import { ensureCertificates } from '../../certs/ensure-certificates.ts';
import { createTestCa } from '../support/test-ca.ts';
import { startVaultDouble } from '../support/vault-double.ts';

const clock = createSystemClock();
const log = createLog('silent', () => undefined);
let folder: string;
let home: string;
let certs: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aduana-doctor-'));
  [home, certs] = [join(folder, 'home'), join(folder, 'certs')];
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** What the doctor finds wrong, and whether the command failed. */
async function examine(more: Record<string, string> = {}) {
  const printed: string[] = [];
  const ports = { GATEWAY_TLS_PORT: '1', STS_PORT: '1', AUDIT_PORT: '1', ADMIN_PORT: '1' };
  const program = new Command().exitOverride();
  registerDoctor(program, {
    environment: { ADUANA_HOME: home, CERTS_DIR: certs, ...ports, ...more },
    clock,
    log,
    print: (line) => printed.push(line),
    printError: () => undefined,
  });
  const failed = await program.parseAsync(['doctor', '--json'], { from: 'user' }).then(
    () => false,
    (error: unknown) => {
      if (!(error instanceof CommandFailure)) throw error;
      return true;
    },
  );
  const findings = JSON.parse(printed.join('\n')) as Finding[];
  return { failed, findings, wrong: findings.filter(({ state }) => state === 'FAIL') };
}

async function makeHome(): Promise<void> {
  await ensureCertificates({
    settings: { ADUANA_HOME: home, CERTS_DIR: certs, TRUST_DOMAIN: 'aduana.local' },
    clock,
  });
  const settings = { ADUANA_HOME: home, SECRET_PROVIDER: 'local' } as const;
  await (await createSecretProvider({ settings, environment: {}, clock, log })).close();
}

test('before the first start nothing fails, and nothing is made', async () => {
  const { failed, wrong } = await examine();
  expect({ failed, wrong }).toEqual({ failed: false, wrong: [] });
  expect(await readdir(folder)).toEqual([]);
});

test('a variable whose name is misspelled is told of with the name that was meant', async () => {
  const { failed, findings } = await examine({ MTLS_MOD: 'strict', GATEWAY_HTTP_PROT: 'off', STS_HOST: 'h' });
  const told = findings.filter(({ remedy }) => remedy.startsWith('Did you mean'));
  expect(told.map(({ state, subject, remedy }) => [state, subject, remedy])).toEqual([
    ['warn', 'MTLS_MOD', 'Did you mean MTLS_MODE?'],
    ['warn', 'GATEWAY_HTTP_PROT', 'Did you mean GATEWAY_HTTP_PORT?'],
  ]);
  expect(failed).toBe(false);
});

test('a sound installation that does not run has warnings only', async () => {
  await makeHome();
  const { failed, wrong, findings } = await examine();
  expect({ failed, wrong }).toEqual({ failed: false, wrong: [] });
  const stopped = findings.filter(({ finding }) => finding.startsWith('does not run'));
  expect(stopped.map(({ subject }) => subject).sort()).toEqual(['admin', 'audit', 'gateway', 'sts']);
});

test('a bad variable is reported and ends the look', async () => {
  const { failed, wrong, findings } = await examine({ MTLS_MODE: 'maybe', STS_PORT: 'x' });
  expect(failed).toBe(true);
  expect(wrong.map(({ subject }) => subject).sort()).toEqual(['MTLS_MODE', 'STS_PORT']);
  expect(findings).toEqual(wrong);
});

test('files that others can read, certificates that cannot be used and foreign keys each have their line', async () => {
  await makeHome();
  const ca = await createTestCa();
  await chmod(join(home, 'ca.key'), 0o644);
  await writeFile(join(certs, 'sts.crt'), (await ca.issueBad('expired', 'sts')).cert);
  await chmod(join(certs, 'audit.key'), 0o604);
  await writeFile(join(home, 'master.key'), 'broken\n');
  const { wrong } = await examine();
  expect(wrong.map(({ subject, finding }) => [subject.slice(folder.length + 1), finding])).toEqual(
    expect.arrayContaining([
      ['home/ca.key', expect.stringMatching(/others have access/)],
      ['certs/sts.crt', 'has expired'],
      ['certs/audit.key', expect.stringMatching(/by others/)],
      ['home/master.key', expect.stringMatching(/32 bytes/)],
    ]),
  );
  for (const { remedy } of wrong) expect(remedy).not.toBe('');
});

test('policies and a supergraph that cannot be read, and a database that is away, each have their line', async () => {
  await makeHome();
  await mkdir(join(folder, 'policies'));
  await writeFile(join(folder, 'policies', 'iam_policies.yaml'), 'version: 1\nroles: [\n');
  await writeFile(join(folder, 'nowhere.yaml'), 'subgraphs: [\n');
  const { wrong } = await examine({
    POLICIES_DIR: join(folder, 'policies'),
    SUPERGRAPH_CONFIG: join(folder, 'nowhere.yaml'),
    DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing',
  });
  const subjects = wrong.map(({ subject }) => subject);
  expect(subjects).toContain('DATABASE_URL');
  expect(wrong.some(({ subject }) => subject.includes('policies'))).toBe(true);
  expect(wrong.some(({ subject, finding }) => /supergraph|nowhere/.test(subject + finding))).toBe(true);
});

test('copies of events at an audit replica on this machine are told to be none', async () => {
  await makeHome();
  const spoolOf = async (more: Record<string, string>) =>
    (await examine({ SPOOL: 'replicated', ...more })).findings.filter(({ subject }) => subject === 'SPOOL');
  expect(await spoolOf({})).toMatchObject([{ state: 'warn' }]);
  expect(await spoolOf({ AUDIT_URL: 'https://audit:8012' })).toMatchObject([{ state: 'ok' }]);
  expect(await spoolOf({ SPOOL: 'local' })).toEqual([]);
});

test('signing keys in Vault: what the policy lacks is reported path by path, and nothing is made', async () => {
  await makeHome();
  const vault = await startVaultDouble();
  const variables = {
    SIGNING_KEYS: 'vault_transit',
    VAULT_ADDR: vault.address,
    VAULT_ROLE_ID: vault.roleId,
    VAULT_SECRET_ID: vault.secretId,
  };
  const told = async (more: Record<string, string>): Promise<readonly Finding[]> =>
    (await examine(more)).wrong.filter(({ subject }) => /SIGNING|VAULT/.test(subject));
  expect(await told(variables)).toEqual([]);
  expect(vault.requests.filter((request) => /^POST transit/.test(request))).toEqual([]);
  vault.forbid(/^transit\/(sign|keys\/.*\/config)/);
  const wrong = await told(variables);
  expect(wrong.map(({ finding }) => finding)).toEqual([
    'the token lacks update on transit/keys/aduana-signing-es256/config',
    'the token lacks update on transit/sign/aduana-signing-es256/sha2-256',
  ]);
  for (const { remedy } of wrong) expect(remedy).toMatch(/capabilities = \["update"\]/);
  const { VAULT_ADDR: _, ...incomplete } = variables;
  expect((await told(incomplete)).map(({ subject }) => subject)).toEqual(['VAULT_ADDR']);
  await vault.close();
  expect((await examine(variables)).wrong.map(({ subject }) => subject)).toEqual([
    'SIGNING_KEYS=vault_transit',
  ]);
});

test('signing keys in KMS: EdDSA is reported before the first start', async () => {
  const { wrong } = await examine({ SIGNING_KEYS: 'aws_kms', SIGNING_ALGORITHM: 'EdDSA' });
  expect(wrong.map(({ subject }) => subject)).toContain('SIGNING_ALGORITHM');
});
