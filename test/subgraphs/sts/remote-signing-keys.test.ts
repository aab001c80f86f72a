import { describe, expect, test } from '@jest/globals';
import { createSystemClock } from '@aduana/core/platform/clock';
import type { RotationMode } from '@aduana/server-kit/tokens/key-set';
import { SIGNING_ALGORITHMS } from '@aduana/core/tokens/signing-algorithm';
import { KEYS_TOPIC } from '../../../subgraphs/sts/keys/key-ring.ts';
import { readUnverifiedKeySet } from '../../../subgraphs/sts/keys/key-store.ts';
import { serviceActor } from '../../support/audit-events.ts';
import { describeOneStore } from '../../support/stores.ts';
import { basic, seededSecrets, type TestSts, type TokenAnswer } from '../../support/test-sts.ts';
import { createTestCa } from '../../support/test-ca.ts';
import { underLoad, until } from '../../support/until.ts';
import { openVaultSigning } from '../../support/vault-signing-world.ts';

const ACTOR = serviceActor('operator');
const KEY = 'transit/keys/aduana-signing-es256';
const clock = createSystemClock();

describeOneStore('signing keys in Vault Transit', (openStore) => {
  const world = openVaultSigning(openStore);
  const { asRoot, bus, open, parts } = world;

  const order = (mode: RotationMode, kid?: string) => ({ mode, reason: 'a test', actor: ACTOR, kid });
  const token = (sts: TestSts): Promise<TokenAnswer> =>
    sts.token({ grant_type: 'client_credentials' }, { headers: basic('bff') });
  const count = (request: string): number => world.vault.requests.filter((made) => made === request).length;
  const signsInVault = async (version: number): Promise<boolean> =>
    (await asRoot('transit/sign/aduana-signing-es256', { input: '', key_version: version })).ok;

  test.each(SIGNING_ALGORITHMS)('%s tokens verify, and their key cannot leave Vault', async (algorithm) => {
    const sts = await open({ environment: { SIGNING_ALGORITHM: algorithm } });
    const { status, body } = await token(sts);
    expect(status).toBe(200);
    const { kid } = await sts.verifyAny(String(body['access_token']));
    expect(kid).toBe(sts.ring.signer().kid);
    const name = `aduana-signing-${algorithm.toLowerCase()}`;
    const { data } = (await (await asRoot(`transit/keys/${name}`)).json()) as { data: object };
    expect(data).toMatchObject({ exportable: false, allow_plaintext_backup: false, latest_version: 2 });
  });

  test('rotations that two replicas start together make one new version', async () => {
    const [sts, replica] = [await open(), await open()];
    const before = count(`POST ${KEY}/rotate`);
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, turn) => (turn % 2 === 0 ? sts : replica).rotate(order('NOW'))),
    );
    expect(new Set(results.map(({ id }) => id)).size).toBe(1);
    expect(count(`POST ${KEY}/rotate`)).toBe(before + 1);
    expect([...(await parts()).values()].map((part) => 'reference' in part && part.reference).sort()).toEqual(
      [1, 2, 3].map((version) => `transit/aduana-signing-es256:${String(version)}`),
    );
    await replica.ring.reload();
    expect((await sts.verifyAny(String((await token(replica)).body['access_token']))).kid).toBe(
      results[0]?.active.kid,
    );
  });

  test('replicas that start together make one set of keys', async () => {
    const shared = { secrets: await seededSecrets(['bff']), ca: await createTestCa() };
    await Promise.all([open(shared), open(shared), open(shared)]);
    expect(count(`POST ${KEY}/rotate`)).toBe(1);
    expect((await parts()).size).toBe(2);
  });

  test('no key is made for a rotation that is refused or needs none', async () => {
    const sts = await open();
    const { active, previous } = await sts.rotate(order('NOW'));
    const made = count(`POST ${KEY}/rotate`);
    await expect(sts.rotate(order('SCHEDULED'))).rejects.toMatchObject({ code: 'ROTATION_TOO_EARLY' });
    await sts.rotate(order('COMPROMISED', previous?.kid));
    expect(sts.ring.signer().kid).toBe(active.kid);
    expect(count(`POST ${KEY}/rotate`)).toBe(made);
  });

  test('a version that a replica made before it died is taken up', async () => {
    const sts = await open();
    await asRoot(`${KEY}/rotate`, {});
    const made = count(`POST ${KEY}/rotate`);
    await sts.rotate(order('NOW'));
    expect(count(`POST ${KEY}/rotate`)).toBe(made);
    expect((await token(sts)).status).toBe(200);
  });

  test('a compromised key can sign no more, whoever asks Vault', async () => {
    const sts = await open();
    expect(await signsInVault(1)).toBe(true);
    const { previous } = await sts.rotate(order('COMPROMISED'));
    await until(async () => !(await signsInVault(1)));
    await until(async () => !(await parts()).has(previous?.kid));
    expect((await token(sts)).status).toBe(200);
  });

  test('a compromised next key is ended as soon as no older one has to sign', async () => {
    const sts = await open();
    const pending = sts.ring.keySet().keys.find(({ state }) => state === 'PENDING');
    await sts.rotate(order('COMPROMISED', pending?.kid));
    expect((await token(sts)).status).toBe(200);
    expect((await parts()).has(pending?.kid)).toBe(true);
    await sts.rotate(order('NOW'));
    await until(async () => !(await signsInVault(2)));
    expect(await signsInVault(3)).toBe(true);
    expect((await token(sts)).status).toBe(200);
  });

  test('a key that retires signs on for replicas that are late, and is ended after its hold', async () => {
    const late = { milliseconds: 0 };
    const sts = await open({ clock: { ...clock, now: () => clock.now() + late.milliseconds } });
    await sts.rotate(order('NOW'));
    bus.publish(KEYS_TOPIC);
    await clock.sleep(300);
    expect(await signsInVault(1)).toBe(true);
    late.milliseconds = 86_400_000;
    bus.publish(KEYS_TOPIC);
    await until(async () => !(await signsInVault(1)));
    expect(await signsInVault(2)).toBe(true);
  });

  describe('while Vault is away', () => {
    test.each([
      ['sealed', () => { world.vault.seal(); }],
      ['silent', () => { world.vault.hang(); }],
      ['forbidding', () => { world.vault.forbid(/^transit\/sign/); }],
    ])('%s: 503 in time, the next ones at once, and a healthy STS again by itself', async (_how, fail) => {
      const sts = await open();
      fail();
      const begin = clock.monotonic();
      const first = await token(sts);
      expect(first).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
      expect(clock.monotonic() - begin).toBeLessThan(underLoad(3000));
      expect(sts.canSign()).toBe(false);
      const asked = world.vault.requests.length;
      await expect(token(sts)).resolves.toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
      expect(world.vault.requests.length - asked).toBeLessThanOrEqual(6); // a probe, no request of its own
      world.vault.unseal();
      world.vault.forbid(/^$/);
      await until(() => sts.canSign());
      expect((await token(sts)).status).toBe(200);
    }); // prettier-ignore

    test('a rotation is refused, and leaves everything as it was', async () => {
      const sts = await open();
      const before = await readUnverifiedKeySet(world.store.writer);
      world.vault.seal();
      await expect(sts.rotate(order('NOW'))).rejects.toMatchObject({
        code: 'SECRET_PROVIDER_UNAVAILABLE',
        status: 503,
      });
      expect(await readUnverifiedKeySet(world.store.writer)).toEqual(before);
    });

    test('what was signed verifies', async () => {
      const sts = await open();
      const { body } = await token(sts);
      world.vault.seal();
      await expect(sts.verifyAny(String(body['access_token']))).resolves.toBeDefined();
    });
  });

  test('keys move to Vault and back by rotation, and none stops verifying', async () => {
    const before = await open({ environment: { SIGNING_KEYS: 'store' } });
    const old = String((await token(before)).body['access_token']);
    const inVault = await open();
    const heldIn = async (sts: TestSts): Promise<string | undefined> =>
      (await parts()).get(sts.ring.signer().kid)?.heldIn;
    expect(await heldIn(inVault)).toBe('store');
    await inVault.rotate(order('NOW'));
    await inVault.rotate(order('NOW'));
    expect(await heldIn(inVault)).toBe('vault_transit');
    const fresh = String((await token(inVault)).body['access_token']);
    const back = await open({ environment: { SIGNING_KEYS: 'store' } });
    expect((await token(back)).status).toBe(200);
    await back.rotate(order('NOW'));
    await back.rotate(order('NOW'));
    expect(await heldIn(back)).toBe('store');
    for (const one of [old, fresh]) await expect(back.verifyAny(one)).resolves.toBeDefined();
  });
});
