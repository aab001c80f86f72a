import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createInProcessBus } from '@aduana/server-kit/bus/in-process-bus';
import { Secret } from '@aduana/core/secrets/secret';
import { MIGRATIONS } from '../../subgraphs/sts/migrations.ts';
import { createMemorySecrets } from '../support/memory-secrets.ts';
import { describeSigningKeys } from '../support/signing-keys.ts';
import type { TestStore } from '../support/stores.ts';
import { createStsReplicas, type StsReplicas } from '../support/sts-replicas.ts';
import { SECRETS, type TestSts } from '../support/test-sts.ts';
import { attackOn, loginAs } from '../support/attacked-sts.ts';

describeSigningKeys('H3 a release without seals', (world) => {
  let store: TestStore;
  let replicas: StsReplicas;
  let sts: TestSts;

  const open: StsReplicas['open'] = (more) => replicas.open(more);
  beforeEach(async () => {
    store = await world.openStore('sts', MIGRATIONS);
    replicas = createStsReplicas(() => ({
      ...world,
      store,
      bus: createInProcessBus(),
      clients: ['bff', 'operator'],
    }));
    sts = await open();
  });
  afterEach(() => replicas.close());

  const attack = attackOn(() => store);

  async function withoutSeals(): Promise<void> {
    await attack('ALTER TABLE status_entries DROP CONSTRAINT status_entries_sealed');
    for (const table of ['signing_keys', 'key_generation', 'client_secrets', 'status_entries', 'status_head'])
      await attack(`UPDATE ${table} SET seal = NULL`);
  }
  async function providerOfThen() {
    const secrets = createMemorySecrets();
    for (const id of ['bff', 'operator'])
      await secrets.put(`client-secrets/${id}`, Secret.of(SECRETS[id] ?? ''), 0);
    return secrets;
  }

  test('has its rows sealed once, by the first start, and works on with its keys and secrets', async () => {
    await withoutSeals();
    const secrets = await providerOfThen();
    const [first, second] = await Promise.all([open({ secrets }), open({ secrets })]);
    for (const at of [first, second]) {
      expect(at.ring.signer().kid).toBe(sts.ring.signer().kid);
      expect(await loginAs(at, 'bff')).toBe(200);
      expect(at.seals.forged.state).toBe('ok');
    }
  });

  test('and rows without a seal are forged ever after', async () => {
    await withoutSeals();
    await expect(sts.ring.reload()).rejects.toMatchObject({ status: 503 });
    await sts.clients.secrets.reload();
    expect(await loginAs(sts, 'bff')).toBe(401);
    await expect(open()).rejects.toMatchObject({
      problems: [{ problem: expect.stringContaining('changed') as unknown }],
    });
  });
});
