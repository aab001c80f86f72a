import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createSecretProvider } from '@aduana/server-kit/secrets/create-secret-provider';
import { createFileBackend, secretsFile } from '@aduana/server-kit/secrets/file-backend';
import { addMasterKey, createMasterKeyEnvelope, loadMasterKeys } from '@aduana/server-kit/secrets/master-key';
import { Secret } from '@aduana/core/secrets/secret';
import { describeSecretProvider } from '../../../support/secret-provider-suite.ts';

const clock = createSystemClock();
const log = createLog('silent', () => undefined);
let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'aduana-secrets-'));
});

afterEach(() => rm(home, { recursive: true, force: true }));

describeSecretProvider('local', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'aduana-secrets-'));
  const masterKey = join(folder, 'master.key');
  await addMasterKey(masterKey);
  const path = secretsFile(folder);
  return {
    async open(suiteClock) {
      const envelope = createMasterKeyEnvelope(masterKey, (await loadMasterKeys(masterKey)) ?? []);
      return createFileBackend({ kind: 'local', home: folder, envelope, clock: suiteClock });
    },
    async breakDown() {
      await rename(path, `${path}.aside`).catch(() => undefined);
      await mkdir(path);
    },
    async repair() {
      await rm(path, { recursive: true });
      await rename(`${path}.aside`, path).catch(() => undefined);
    },
    async forbid() {
      const strange = join(folder, 'strange.key');
      const envelope = createMasterKeyEnvelope(strange, await addMasterKey(strange));
      await writeFile(path, await envelope.seal(Buffer.from('{}'), { purpose: 'secrets-file' }));
    },
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
});

function open(settings = {}, environment = {}) {
  return createSecretProvider({
    settings: { ADUANA_HOME: home, SECRET_PROVIDER: 'local', ...settings },
    environment,
    clock,
    log,
  });
}

test('a first start makes a master key and keeps both files to their owner', async () => {
  const provider = await open();
  await provider.put('a', Secret.of('hunter2'), 0);
  await provider.close();
  expect((await readdir(home)).sort()).toEqual(['master.key', 'secrets.sealed']);
  for (const name of await readdir(home)) {
    expect((await stat(join(home, name))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(home, name), 'latin1')).not.toContain('hunter2');
  }
  expect((await (await open()).get('a'))?.value.reveal()).toBe('hunter2');
});

test('processes that start at the same moment share one master key', async () => {
  const providers = await Promise.all([1, 2, 3, 4].map(() => open()));
  const wrapped = await Promise.all(providers.map((provider) => provider.wrap(Secret.of('x'), {})));
  for (const text of wrapped) expect((await providers[0]?.unwrap(text, {}))?.reveal()).toBe('x');
});

test('a client secret of the environment is found under its service, dashes and all', async () => {
  const provider = await open({}, { MY_SERVICE_CLIENT_SECRET: 'seed', BFF_CLIENT_SECRET: '' });
  expect((await provider.get('client-secrets/my-service'))?.value.reveal()).toBe('seed');
  expect(await provider.get('client-secrets/bff')).toBeUndefined();
});

test('a lost or foreign master key keeps the service from starting, with what to do', async () => {
  await (await open()).put('a', Secret.of('x'), 0);
  await rename(join(home, 'master.key'), join(home, 'kept.key'));
  await expect(open()).rejects.toMatchObject({
    name: 'ConfigurationError',
    problems: [{ subject: join(home, 'master.key'), problem: expect.stringMatching(/is lost/) }],
  });
  await addMasterKey(join(home, 'master.key'));
  await expect(open()).rejects.toMatchObject({
    problems: [
      { subject: 'SECRET_PROVIDER', problem: expect.stringMatching(/secrets\.sealed: .*not wrapped/) },
    ],
  });
  await expect(open({ ADUANA_MASTER_KEY_FILE: join(home, 'nowhere') })).rejects.toMatchObject({
    problems: [{ subject: 'ADUANA_MASTER_KEY_FILE', problem: expect.stringMatching(/does not exist/) }],
  });
  expect(await (await open({ ADUANA_MASTER_KEY_FILE: join(home, 'kept.key') })).get('a')).toBeDefined();
});

test('a master key that others can read, or that is none, is refused', async () => {
  const path = join(home, 'master.key');
  await writeFile(path, `${Buffer.alloc(32).toString('base64url')}\n`, { mode: 0o644 });
  await expect(open()).rejects.toMatchObject({ problems: [{ problem: expect.stringMatching(/by others/) }] });
  await writeFile(path, 'too short\n');
  await expect(open()).rejects.toMatchObject({ problems: [{ problem: expect.stringMatching(/32 bytes/) }] });
});

test('after a new master key was put in front, old text opens and new text is sealed under the new key', async () => {
  const running = await open();
  const old = await running.wrap(Secret.of('x'), {});
  await addMasterKey(join(home, 'master.key'));
  const restarted = await open();
  const renewed = await restarted.wrap(Secret.of('y'), {});
  expect(renewed.split('.')[1]).not.toBe(old.split('.')[1]);
  expect((await restarted.unwrap(old, {})).reveal()).toBe('x');
  expect((await running.unwrap(renewed, {})).reveal()).toBe('y');
});
