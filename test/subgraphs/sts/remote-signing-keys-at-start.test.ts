import { expect, test } from '@jest/globals';
import { type Clock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { type GuardedRemoteKeys, guardRemoteKeys } from '@aduana/server-kit/secrets/guard-remote-keys';
import { openRemoteKeys } from '@aduana/server-kit/secrets/open-remote-keys';
import { openTransitKeys } from '../../support/signing-keys.ts';
import { describeOneStore } from '../../support/stores.ts';
import { openVaultSigning } from '../../support/vault-signing-world.ts';

const KEY = 'transit/keys/aduana-signing-es256';

describeOneStore('a start with signing keys in Vault Transit', (openStore) => {
  const world = openVaultSigning(openStore);
  const { asRoot, open } = world;

  const problem = (subject: string, text: RegExp) => ({
    problems: [{ subject, problem: expect.stringMatching(text), remedy: expect.stringMatching(/./) }],
  });
  test('a Vault that is away is told, before and after the first keys were made', async () => {
    world.vault.seal();
    await expect(open()).rejects.toMatchObject(problem('SIGNING_KEYS=vault_transit', /sealed/));
    world.vault.unseal();
    await open();
    world.vault.forbid(/^transit\/sign/);
    await expect(open()).rejects.toMatchObject(problem('VAULT_ADDR', /lacks update on transit\/sign/));
  });
  test('missing variables are reported', async () => {
    const log = createLog('silent', () => undefined);
    const missing = (at: Clock) => openRemoteKeys('vault_transit', { environment: {}, clock: at, log });
    await expect(open({ remoteKeys: { kind: 'vault_transit', open: missing } })).rejects.toMatchObject({
      problems: [{ subject: 'VAULT_ADDR' }, { subject: 'VAULT_TOKEN' }],
    });
  });
  test('a key that may leave Vault, or is of another type, is refused', async () => {
    await asRoot(KEY, { type: 'ecdsa-p256', exportable: true });
    await expect(open()).rejects.toMatchObject(problem('VAULT_TRANSIT_SIGNING_KEY', /exported/));
    await asRoot('transit/keys/aduana-signing-rs256', { type: 'ecdsa-p256' });
    await expect(open({ environment: { SIGNING_ALGORITHM: 'RS256' } })).rejects.toMatchObject(
      problem('VAULT_TRANSIT_SIGNING_KEY', /of type ecdsa-p256/),
    );
  });
  test('a keeper whose signatures do not verify is refused', async () => {
    const hashingTwice = async (at: Clock): Promise<GuardedRemoteKeys> => {
      const keys = await openTransitKeys(world.vault, at);
      const sign: GuardedRemoteKeys['sign'] = (algorithm, reference) =>
        keys.sign(algorithm, reference, Buffer.from('something else'));
      return guardRemoteKeys({ ...keys, sign }, { clock: at, log: createLog('silent', () => undefined) });
    };
    await expect(open({ remoteKeys: { kind: 'vault_transit', open: hashingTwice } })).rejects.toMatchObject(
      problem('SIGNING_KEYS=vault_transit', /does not verify/),
    );
  });
});
