import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createInProcessBus } from '@aduana/server-kit/bus/in-process-bus';
import { type Clock, createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { type GuardedRemoteKeys, guardRemoteKeys } from '@aduana/server-kit/secrets/guard-remote-keys';
import { openRemoteKeys } from '@aduana/server-kit/secrets/open-remote-keys';
import type { RotationMode } from '@aduana/server-kit/tokens/key-set';
import { SIGNING_ALGORITHMS } from '@aduana/core/tokens/signing-algorithm';
import { KEYS_TOPIC } from '../../../subgraphs/sts/keys/key-ring.ts';
import { readUnverifiedKeySet } from '../../../subgraphs/sts/keys/key-store.ts';
import type { PrivatePart } from '../../../subgraphs/sts/keys/private-part.ts';
import { MIGRATIONS } from '../../../subgraphs/sts/migrations.ts';
import { serviceActor } from '../../support/audit-events.ts';
import { openTransitKeys } from '../../support/signing-keys.ts';
import { describeOneStore, type TestStore } from '../../support/stores.ts';
import { createStsReplicas, type StsReplicas } from '../../support/sts-replicas.ts';
import { basic, seededSecrets, type TestSts, type TokenAnswer } from '../../support/test-sts.ts';
import { createTestCa } from '../../support/test-ca.ts';
import { underLoad, until } from '../../support/until.ts';
import { startVaultDouble, type VaultDouble } from '../../support/vault-double.ts';

const ACTOR = serviceActor('operator');
const KEY = 'transit/keys/aduana-signing-es256';
const clock = createSystemClock();

describeOneStore('signing keys in Vault Transit', (openStore) => {
  let vault: VaultDouble;
  let store: TestStore;
  let replicas: StsReplicas;
  const bus = createInProcessBus();

  beforeEach(async () => {
    vault = await startVaultDouble();
    store = await openStore('sts', MIGRATIONS);
    replicas = createStsReplicas(() => ({
      openStore,
      store,
      bus,
      clients: ['bff'],
      remoteKeys: { kind: 'vault_transit', open: (at) => openTransitKeys(vault, at) },
    }));
  });
  afterEach(async () => {
    vault.unseal();
    await replicas.close();
    await vault.close();
  });

  const open: StsReplicas['open'] = (more) => replicas.open(more);
  const order = (mode: RotationMode, kid?: string) => ({ mode, reason: 'a test', actor: ACTOR, kid });
  const token = (sts: TestSts): Promise<TokenAnswer> =>
    sts.token({ grant_type: 'client_credentials' }, { headers: basic('bff') });
  const count = (request: string): number => vault.requests.filter((made) => made === request).length;
  const asRoot = (path: string, body?: object): Promise<Response> =>
    fetch(`${vault.address}/v1/${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'x-vault-token': vault.rootToken },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const signsInVault = async (version: number): Promise<boolean> =>
    (await asRoot('transit/sign/aduana-signing-es256', { input: '', key_version: version })).ok;
  const parts = async (): Promise<ReadonlyMap<string | undefined, PrivatePart>> =>
    (await readUnverifiedKeySet(store.writer))?.parts ?? new Map<string, PrivatePart>();

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
      ['sealed', () => { vault.seal(); }],
      ['silent', () => { vault.hang(); }],
      ['forbidding', () => { vault.forbid(/^transit\/sign/); }],
    ])('%s: 503 in time, the next ones at once, and a healthy STS again by itself', async (_how, fail) => {
      const sts = await open();
      fail();
      const begin = clock.monotonic();
      const first = await token(sts);
      expect(first).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
      expect(clock.monotonic() - begin).toBeLessThan(underLoad(3000));
      expect(sts.canSign()).toBe(false);
      const asked = vault.requests.length;
      await expect(token(sts)).resolves.toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
      expect(vault.requests.length - asked).toBeLessThanOrEqual(6); // a probe, no request of its own
      vault.unseal();
      vault.forbid(/^$/);
      await until(() => sts.canSign());
      expect((await token(sts)).status).toBe(200);
    }); // prettier-ignore

    test('a rotation is refused, and leaves everything as it was', async () => {
      const sts = await open();
      const before = await readUnverifiedKeySet(store.writer);
      vault.seal();
      await expect(sts.rotate(order('NOW'))).rejects.toMatchObject({
        code: 'SECRET_PROVIDER_UNAVAILABLE',
        status: 503,
      });
      expect(await readUnverifiedKeySet(store.writer)).toEqual(before);
    });

    test('what was signed verifies', async () => {
      const sts = await open();
      const { body } = await token(sts);
      vault.seal();
      await expect(sts.verifyAny(String(body['access_token']))).resolves.toBeDefined();
    });
  });

  describe('at start', () => {
    const problem = (subject: string, text: RegExp) => ({
      problems: [{ subject, problem: expect.stringMatching(text), remedy: expect.stringMatching(/./) }],
    });
    test('a Vault that is away is told, before and after the first keys were made', async () => {
      vault.seal();
      await expect(open()).rejects.toMatchObject(problem('SIGNING_KEYS=vault_transit', /sealed/));
      vault.unseal();
      await open();
      vault.forbid(/^transit\/sign/);
      await expect(open()).rejects.toMatchObject(problem('VAULT_ADDR', /lacks update on transit\/sign/));
    });
    test('missing variables are told', async () => {
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
        const keys = await openTransitKeys(vault, at);
        const sign: GuardedRemoteKeys['sign'] = (algorithm, reference) =>
          keys.sign(algorithm, reference, Buffer.from('something else'));
        return guardRemoteKeys({ ...keys, sign }, { clock: at, log: createLog('silent', () => undefined) });
      };
      await expect(open({ remoteKeys: { kind: 'vault_transit', open: hashingTwice } })).rejects.toMatchObject(
        problem('SIGNING_KEYS=vault_transit', /does not verify/),
      );
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
