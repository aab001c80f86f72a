import { spawnSync, execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import nodeVault from 'node-vault';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/core/platform/log';
import { Secret } from '@aduana/core/secrets/secret';
import type { SecretBackend } from '@aduana/core/secrets/secret-backend';
import { openVault } from '@aduana/core/secrets/vault/open-vault';
import { createVaultBackend } from '@aduana/core/secrets/vault/vault-backend';
import { startVaultDouble, type VaultDouble } from '../../support/vault-double.ts';

const PLACES = { kvMount: 'secret', kvPath: 'aduana', transitMount: 'transit', transitKey: 'aduana' };
const PYTHON = ['/usr/bin/python3', 'python3'].find(
  (command) => spawnSync(command, ['-c', 'import hvac'], { timeout: 20_000 }).status === 0,
);
/** What hvac does on our double, and what it finds of what our own client wrote. */
const HVAC = `
import base64, hvac, json, sys
address, role, secret, wrapping = sys.argv[1:5]
b64 = lambda text: base64.b64encode(text.encode()).decode()
client = hvac.Client(url=address)
out = {"sealed": client.sys.is_sealed(), "unwrapped": client.sys.unwrap(wrapping)["data"]["secret_id"] == secret}
client.auth.approle.login(role_id=role, secret_id=secret)
out["authenticated"] = client.is_authenticated()
kv = client.secrets.kv.v2
out["ours"] = kv.read_secret_version(path="aduana/client-secrets/bff", raise_on_deleted_version=True)["data"]
out["written"] = kv.create_or_update_secret(path="aduana/theirs", secret={"value": "from hvac"}, cas=0)["data"]["version"]
try:
    kv.create_or_update_secret(path="aduana/theirs", secret={"value": "lost"}, cas=0)
except hvac.exceptions.InvalidRequest as error:
    out["cas"] = str(error)
try:
    kv.read_secret_version(path="aduana/nothing", raise_on_deleted_version=True)
except hvac.exceptions.InvalidPath:
    out["absent"] = True
transit = client.secrets.transit
sealed = transit.encrypt_data(name="aduana", plaintext=b64("x"))["data"]["ciphertext"]
out["opened"] = transit.decrypt_data(name="aduana", ciphertext=sealed)["data"]["plaintext"] == b64("x")
out["renewed"] = client.auth.token.renew_self()["auth"]["renewable"]
issued = client.secrets.pki.generate_certificate(name="aduana", common_name="sts", extra_params={"uri_sans": "spiffe://aduana.local/sts"})
out["issued"] = issued["data"]["certificate"].startswith("-----BEGIN CERTIFICATE")
print(json.dumps(out))
`;
let vault: VaultDouble;
let ours: SecretBackend;

beforeEach(async () => {
  vault = await startVaultDouble();
  const environment = {
    VAULT_ADDR: vault.address,
    VAULT_ROLE_ID: vault.roleId,
    VAULT_SECRET_ID: vault.secretId,
  };
  const log = createLog('silent', () => undefined);
  ours = createVaultBackend(await openVault({ environment, clock: createSystemClock(), log }), PLACES);
  await ours.put('client-secrets/bff', Secret.of('from aduana'), 0);
});

afterEach(async () => {
  await ours.close();
  await vault.close();
});

test('node-vault reads what we write, and we read what it writes', async () => {
  const theirs = nodeVault({ endpoint: vault.address });
  await expect(theirs.unwrap({ token: vault.wrapSecretId() })).resolves.toMatchObject({
    data: { secret_id: vault.secretId },
  });
  const login = (await theirs.approleLogin({ role_id: vault.roleId, secret_id: vault.secretId })) as {
    auth: { client_token: string };
  };
  theirs.token = login.auth.client_token;
  expect(await theirs.read('secret/data/aduana/client-secrets/bff')).toMatchObject({
    data: { data: { value: 'from aduana' }, metadata: { version: 1, destroyed: false } },
  });
  await theirs.write('secret/data/aduana/theirs', {
    data: { value: 'from node-vault' },
    options: { cas: 0 },
  });
  expect((await ours.get('theirs'))?.value.reveal()).toBe('from node-vault');
  await expect(
    theirs.write('secret/data/aduana/theirs', { data: { value: 'lost' }, options: { cas: 0 } }),
  ).rejects.toThrow(/check-and-set/);
  await expect(theirs.read('secret/data/aduana/nothing')).rejects.toThrow(/404/);
  expect(await theirs.tokenRenewSelf()).toMatchObject({ auth: { renewable: true } });
  await theirs.delete('secret/data/aduana/client-secrets/bff');
  expect(await ours.get('client-secrets/bff')).toBeUndefined();
});

if (PYTHON !== undefined)
  test('hvac logs in, unwraps, reads, writes with cas, encrypts and issues', async () => {
    const { stdout } = await promisify(execFile)(
      PYTHON,
      ['-c', HVAC, vault.address, vault.roleId, vault.secretId, vault.wrapSecretId()],
      { timeout: 30_000 },
    );
    expect(JSON.parse(stdout)).toMatchObject({
      sealed: false,
      unwrapped: true,
      authenticated: true,
      ours: { data: { value: 'from aduana' }, metadata: { version: 1 } },
      written: 1,
      cas: expect.stringMatching(/check-and-set/),
      absent: true,
      opened: true,
      renewed: true,
      issued: true,
    });
    expect((await ours.get('theirs'))?.value.reveal()).toBe('from hvac');
  });
