import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type Clock, createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { Secret } from '@aduana/core/secrets/secret';
import { createVaultBackend } from '@aduana/server-kit/secrets/vault/vault-backend';
import { createVaultClient, type VaultClient } from '@aduana/server-kit/secrets/vault/vault-client';
import type { VaultCredentials } from '@aduana/server-kit/secrets/vault/vault-lease';
import { createFakeClock } from '../../../support/fake-clock.ts';
import { describeSecretProvider } from '../../../support/secret-provider-suite.ts';
import { createTestCa } from '../../../support/test-ca.ts';
import { underLoad, until } from '../../../support/until.ts';
import { startVaultDouble, type VaultDouble } from '../../../support/vault-double.ts';

const PLACES = { kvMount: 'secret', kvPath: 'aduana', transitMount: 'transit', transitKey: 'aduana' };
const system = createSystemClock();
let vault: VaultDouble;
let lines: string[];
let clients: VaultClient[];

beforeEach(async () => {
  vault = await startVaultDouble();
  lines = [];
  clients = [];
});

afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await vault.close();
});

function connect(
  double: VaultDouble,
  clock: Clock,
  credentials: VaultCredentials = appRole(double.secretId, double),
  extra: { namespace?: string; authorities?: string } = {},
): VaultClient {
  const log = createLog('debug', (line) => lines.push(line));
  const client = createVaultClient({ address: double.address, credentials, clock, log, ...extra });
  clients.push(client);
  return client;
}

function appRole(secretId: string, double = vault, wrapped = false): VaultCredentials {
  return { kind: 'approle', roleId: double.roleId, secretId: Secret.of(secretId), wrapped };
}

function count(request: string): number {
  return vault.requests.filter((made) => made === request).length;
}

describeSecretProvider('vault', async () => {
  const double = await startVaultDouble();
  return {
    open: (clock) =>
      Promise.resolve(
        createVaultBackend(
          createVaultClient({
            address: double.address,
            credentials: appRole(double.secretId, double),
            clock,
            log: createLog('silent', () => undefined),
          }),
          PLACES,
        ),
      ),
    breakDown: () => {
      double.seal();
      return Promise.resolve();
    },
    repair: () => {
      double.unseal();
      return Promise.resolve();
    },
    forbid: () => {
      double.forbid(/^secret\//);
      return Promise.resolve();
    },
    dispose: () => double.close(),
  };
});

test('a deleted version is absent, and the next one counts on', async () => {
  const client = connect(vault, system);
  const backend = createVaultBackend(client, PLACES);
  await backend.put('client-secrets/bff', Secret.of('one'), 0);
  await fetch(`${vault.address}/v1/secret/data/aduana/client-secrets/bff`, {
    method: 'DELETE',
    headers: { 'x-vault-token': vault.rootToken },
  });
  expect(await backend.get('client-secrets/bff')).toBeUndefined();
  expect(await backend.put('client-secrets/bff', Secret.of('two'), 0)).toBe(2);
});

test('a mount that does not exist is a failure and not an absence', async () => {
  const backend = createVaultBackend(connect(vault, system), { ...PLACES, kvMount: 'nowhere' });
  await expect(backend.get('a')).rejects.toMatchObject({ code: 'SECRET_PROVIDER_UNAVAILABLE' });
});

test('a wrapped secret_id opens once, and its theft shows', async () => {
  const wrapping = vault.wrapSecretId();
  const backend = createVaultBackend(connect(vault, system, appRole(wrapping, vault, true)), PLACES);
  await backend.check();
  const thief = createVaultBackend(connect(vault, system, appRole(wrapping, vault, true)), PLACES);
  await expect(thief.check()).rejects.toMatchObject({
    code: 'FORBIDDEN',
    detail: expect.stringMatching(/opened already/),
  });
});

test('bad credentials are forbidden, by role and by token', async () => {
  for (const credentials of [appRole('wrong'), { kind: 'token', token: Secret.of('wrong') } as const])
    await expect(
      createVaultBackend(connect(vault, system, credentials), PLACES).check(),
    ).rejects.toMatchObject({ code: 'FORBIDDEN' });
});

test('a given token is used as it is', async () => {
  const credentials = { kind: 'token', token: Secret.of(vault.rootToken) } as const;
  const backend = createVaultBackend(connect(vault, system, credentials), PLACES);
  expect(await backend.put('a', Secret.of('x'), 0)).toBe(1);
});

test('one login serves many calls that come at once', async () => {
  const client = connect(vault, system);
  await Promise.all(Array.from({ length: 20 }, () => client.call('GET', 'secret/data/a')));
  expect(count('POST auth/approle/login')).toBe(1);
});

/** Moves both clocks on, in steps, letting requests over the network come back. */
async function pass(
  seconds: number,
  clock: ReturnType<typeof createFakeClock>,
  done: () => boolean,
): Promise<void> {
  vault.advance(seconds);
  await clock.advance(seconds * 1000);
  await until(done, () => clock.advance(1));
}

test('the token is renewed at two thirds of its life and replaced before its last hour', async () => {
  const clock = createFakeClock(Date.now());
  const client = connect(vault, clock);
  await client.call('GET', 'secret/data/a');
  for (let renewals = 1; renewals <= 4; renewals += 1)
    await pass(2700, clock, () => count('POST auth/token/renew-self') === renewals);
  await pass(2700, clock, () => count('POST auth/approle/login') === 2);
  expect((await client.call('GET', 'secret/data/a')).status).toBe(404);
});

test('a token that Vault no longer takes is replaced once for all who wait', async () => {
  const clock = createFakeClock(Date.now());
  const client = connect(vault, clock);
  await client.call('GET', 'secret/data/a');
  await clock.advance(60_000);
  vault.revokeTokens();
  await Promise.all(Array.from({ length: 10 }, () => client.call('GET', 'secret/data/a')));
  expect(count('POST auth/approle/login')).toBe(2);
});

test("a policy's refusal does not cause a login for each call", async () => {
  const client = connect(vault, system);
  vault.forbid(/^secret\//);
  for (let call = 0; call < 5; call += 1)
    await expect(client.call('GET', 'secret/data/a')).rejects.toMatchObject({ code: 'FORBIDDEN' });
  expect(count('POST auth/approle/login')).toBe(1);
});

test('a sealed Vault is asked three times with growing pauses, then reported', async () => {
  vault.seal();
  const backend = createVaultBackend(connect(vault, system), PLACES);
  const begin = system.monotonic();
  await expect(backend.check()).rejects.toMatchObject({
    code: 'SECRET_PROVIDER_UNAVAILABLE',
    detail: expect.stringMatching(/sealed/),
  });
  expect(count('POST auth/approle/login')).toBe(3);
  expect(system.monotonic() - begin).toBeLessThan(underLoad(3000));
});

test('a namespace and a CA file are honoured', async () => {
  const ca = await createTestCa();
  const leaf = await ca.issue('vault');
  const double = await startVaultDouble({ namespace: 'team', tls: { cert: leaf.cert, key: leaf.key } });
  const good = connect(double, system, appRole(double.secretId, double), {
    namespace: 'team',
    authorities: ca.cert,
  });
  expect((await good.call('GET', 'secret/data/a')).status).toBe(404);
  const foreign = connect(double, system, appRole(double.secretId, double), { namespace: 'team' });
  await expect(foreign.call('GET', 'secret/data/a')).rejects.toMatchObject({
    code: 'SECRET_PROVIDER_UNAVAILABLE',
  });
  const elsewhere = connect(double, system, appRole(double.secretId, double), { authorities: ca.cert });
  await expect(elsewhere.call('GET', 'secret/data/a')).rejects.toMatchObject({ name: 'SecurityError' });
  await Promise.all([good, foreign, elsewhere].map((client) => client.close()));
  await double.close();
});

test('neither a token nor a secret_id is logged', async () => {
  const client = connect(vault, system);
  await client.call('GET', 'secret/data/a');
  vault.seal();
  await client.call('GET', 'secret/data/a').catch(() => undefined);
  expect(lines.join('')).not.toMatch(new RegExp(`hvs|${vault.secretId}`));
});

test('a Transit key that does not exist is named, with how to make it', async () => {
  const backend = createVaultBackend(connect(vault, system), { ...PLACES, transitKey: 'missing' });
  await expect(backend.wrap(Secret.of('x'), { purpose: 'test' })).rejects.toMatchObject({
    code: 'SECRET_PROVIDER_UNAVAILABLE',
    detail: expect.stringContaining('vault write -f transit/keys/missing') as unknown,
  });
});
