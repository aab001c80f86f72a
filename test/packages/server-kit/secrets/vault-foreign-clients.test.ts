import { spawnSync, execFile } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import nodeVault from 'node-vault';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { Secret } from '@aduana/core/secrets/secret';
import type { SecretBackend } from '@aduana/server-kit/secrets/secret-backend';
import { openVault } from '@aduana/server-kit/secrets/vault/open-vault';
import type { RemoteKey, RemoteKeyAlgorithm, RemoteKeys } from '@aduana/server-kit/secrets/remote-keys';
import { createTransitKeys } from '@aduana/server-kit/secrets/vault/transit-keys';
import { createVaultBackend } from '@aduana/server-kit/secrets/vault/vault-backend';
import { commandsOf, describeWith } from '../../../support/foreign-parts.ts';
import { verifies } from '../../../support/sign-digest.ts';
import { startVaultDouble, type VaultDouble } from '../../../support/vault-double.ts';

const PLACES = { kvMount: 'secret', kvPath: 'aduana', transitMount: 'transit', transitKey: 'aduana' };
const PYTHON = commandsOf('python3').find(
  (command) => spawnSync(command, ['-c', 'import hvac'], { timeout: 60_000 }).status === 0,
);
/** What hvac does on our double, and what it finds of what our own client wrote. */
const HVAC = `
import base64, hashlib, hvac, json, sys
address, role, secret, wrapping, signature = sys.argv[1:6]
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
digest = base64.b64encode(hashlib.sha256(b"signed by hvac").digest()).decode()
signed = lambda key: transit.sign_data(name=key, hash_input=digest, key_version=2, hash_algorithm="sha2-256", prehashed=True, signature_algorithm="pkcs1v15", marshaling_algorithm="jws")["data"]["signature"]
out["signed"] = {key: signed(key) for key in ("aduana-signing-es256", "aduana-signing-rs256")}
out["verified"] = transit.verify_signed_data(name="aduana-signing-es256", hash_input=b64("signed by aduana"), signature=signature, marshaling_algorithm="jws")["data"]["valid"]
shown = transit.read_key(name="aduana-signing-es256")["data"]
out["key"] = [shown["type"], shown["latest_version"], shown["exportable"]]
out["public"] = shown["keys"]["2"]["public_key"]
transit.update_key_configuration(name="aduana-signing-es256", min_encryption_version=2)
try:
    transit.sign_data(name="aduana-signing-es256", hash_input=digest, key_version=1, prehashed=True)
except hvac.exceptions.VaultError as error:
    out["ended"] = str(error)
out["renewed"] = client.auth.token.renew_self()["auth"]["renewable"]
issued = client.secrets.pki.generate_certificate(name="aduana", common_name="sts", extra_params={"uri_sans": "spiffe://aduana.local/sts"})
out["issued"] = issued["data"]["certificate"].startswith("-----BEGIN CERTIFICATE")
print(json.dumps(out))
`;
let vault: VaultDouble;
let ours: SecretBackend;
let keys: RemoteKeys;

/** The second of two signing keys. */
async function twoVersions(algorithm: RemoteKeyAlgorithm): Promise<RemoteKey> {
  const first = await keys.create(algorithm, []);
  return keys.create(algorithm, [first.reference]);
}

beforeEach(async () => {
  vault = await startVaultDouble();
  const environment = {
    VAULT_ADDR: vault.address,
    VAULT_ROLE_ID: vault.roleId,
    VAULT_SECRET_ID: vault.secretId,
  };
  const log = createLog('silent', () => undefined);
  keys = createTransitKeys(await openVault({ environment, clock: createSystemClock(), log }), {
    mount: 'transit',
    prefix: 'aduana-signing',
  });
  ours = createVaultBackend(await openVault({ environment, clock: createSystemClock(), log }), PLACES);
  await ours.put('client-secrets/bff', Secret.of('from aduana'), 0);
});

afterEach(async () => {
  await keys.close();
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
  const key = await twoVersions('EdDSA');
  const own = await keys.sign('EdDSA', key.reference, Buffer.from('signed by aduana'));
  await expect(
    theirs.write('transit/verify/aduana-signing-eddsa', {
      input: Buffer.from('signed by aduana').toString('base64'),
      signature: `vault:v2:${own.toString('base64url')}`,
    }),
  ).resolves.toMatchObject({ data: { valid: true } });
  expect(await theirs.read('transit/keys/aduana-signing-eddsa')).toMatchObject({
    data: { type: 'ed25519', latest_version: 2, exportable: false },
  });
  expect(await theirs.tokenRenewSelf()).toMatchObject({ auth: { renewable: true } });
  await theirs.delete('secret/data/aduana/client-secrets/bff');
  expect(await ours.get('client-secrets/bff')).toBeUndefined();
});

describeWith('python3 with hvac', PYTHON !== undefined, 'hvac', () => {
  test('logs in, unwraps, reads, writes with cas, encrypts, signs and issues', async () => {
    const [key, rsa] = await Promise.all([twoVersions('ES256'), twoVersions('RS256')]);
    const own = await keys.sign('ES256', key.reference, Buffer.from('signed by aduana'));
    const signature = `vault:v2:${own.toString('base64url')}`;
    const { stdout } = await promisify(execFile)(
      PYTHON ?? '',
      ['-c', HVAC, vault.address, vault.roleId, vault.secretId, vault.wrapSecretId(), signature],
      { timeout: 60_000 },
    );
    const found = JSON.parse(stdout) as { signed: Record<string, string>; public: string };
    for (const [name, { publicKey }] of [
      ['aduana-signing-es256', key],
      ['aduana-signing-rs256', rsa],
    ] as const) {
      const theirs = Buffer.from((found.signed[name] ?? '').replace('vault:v2:', ''), 'base64url');
      const verifier = createPublicKey({ key: publicKey, format: 'der', type: 'spki' });
      expect(verifies(verifier, Buffer.from('signed by hvac'), theirs)).toBe(true);
    }
    expect(createPublicKey(found.public).export({ format: 'der', type: 'spki' })).toEqual(key.publicKey);
    expect(found).toMatchObject({
      sealed: false,
      unwrapped: true,
      authenticated: true,
      ours: { data: { value: 'from aduana' }, metadata: { version: 1 } },
      written: 1,
      cas: expect.stringMatching(/check-and-set/),
      absent: true,
      opened: true,
      verified: true,
      key: ['ecdsa-p256', 2, false],
      ended: expect.stringMatching(/minimum encryption key version/),
      renewed: true,
      issued: true,
    });
    expect((await ours.get('theirs'))?.value.reveal()).toBe('from hvac');
  });
});
