import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createSecretProvider } from '@aduana/server-kit/secrets/create-secret-provider';
import { Secret } from '@aduana/core/secrets/secret';
import { startKmsDouble } from '../../../support/kms-double.ts';
import { startVaultDouble } from '../../../support/vault-double.ts';

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'aduana-provider-'));
});

afterEach(() => rm(home, { recursive: true, force: true }));

function open(provider: 'vault' | 'aws_kms', environment: Record<string, string>) {
  return createSecretProvider({
    settings: { ADUANA_HOME: home, SECRET_PROVIDER: provider },
    environment,
    clock: createSystemClock(),
    log: createLog('silent', () => undefined),
  });
}

test('vault: everything that is missing is reported at once', async () => {
  await expect(open('vault', { VAULT_CACERT: '/nowhere' })).rejects.toMatchObject({
    name: 'ConfigurationError',
    problems: [{ subject: 'VAULT_ADDR' }, { subject: 'VAULT_CACERT' }, { subject: 'VAULT_TOKEN' }],
  });
  await expect(open('vault', { VAULT_ADDR: 'http://vault:8200', VAULT_TOKEN: 'x' })).rejects.toMatchObject({
    problems: [{ subject: 'VAULT_ADDR', problem: expect.stringMatching(/no https/) }],
  });
});

test('vault: one that is away or refuses keeps the service from starting', async () => {
  const vault = await startVaultDouble();
  await expect(open('vault', { VAULT_ADDR: vault.address, VAULT_TOKEN: 'wrong' })).rejects.toMatchObject({
    problems: [{ problem: expect.stringMatching(/refused the token/) }],
  });
  await vault.close();
  await expect(
    open('vault', { VAULT_ADDR: vault.address, VAULT_TOKEN: vault.rootToken }),
  ).rejects.toMatchObject({ problems: [{ problem: expect.stringMatching(/cannot be reached/) }] });
});

test('vault: each client secret is one entry whose path ends in the service id', async () => {
  const vault = await startVaultDouble();
  const provider = await open('vault', {
    VAULT_ADDR: vault.address,
    VAULT_ROLE_ID: vault.roleId,
    VAULT_SECRET_ID: vault.wrapSecretId(),
    VAULT_SECRET_ID_WRAPPED: 'true',
  });
  await provider.put('client-secrets/bff', Secret.of('x'), 0);
  expect(vault.requests).toContain('POST secret/data/aduana/client-secrets/bff');
  await provider.close();
  await vault.close();
});

test('aws_kms: the first key seals, the ones after commas still open', async () => {
  const kms = await startKmsDouble();
  process.env['AWS_ENDPOINT_URL_KMS'] = kms.address;
  process.env['AWS_REGION'] = 'eu-south-2';
  process.env['AWS_ACCESS_KEY_ID'] = process.env['AWS_SECRET_ACCESS_KEY'] = 'test';
  await expect(open('aws_kms', {})).rejects.toMatchObject({ problems: [{ subject: 'AWS_KMS_KEY_ID' }] });
  const first = await open('aws_kms', { AWS_KMS_KEY_ID: 'old' });
  await first.put('a', Secret.of('x'), 0);
  const second = await open('aws_kms', { AWS_KMS_KEY_ID: 'new, old' });
  expect((await second.get('a'))?.value.reveal()).toBe('x');
  await second.put('a', Secret.of('y'), 1);
  const third = await open('aws_kms', { AWS_KMS_KEY_ID: 'new' });
  expect((await third.get('a'))?.value.reveal()).toBe('y');
  await Promise.all([first, second, third].map((provider) => provider.close()));
  await kms.close();
});
