/** The attacker has the database login of one service, and fills its tables so that what the service decides finds no room. */
import { expect, test } from '@jest/globals';
import { createInProcessBus } from '@aduana/server-kit/bus/in-process-bus';
import { readUnverifiedKeySet } from '../../subgraphs/sts/keys/key-store.ts';
import { prune } from '../../subgraphs/sts/prune.ts';
import { MIGRATIONS } from '../../subgraphs/sts/migrations.ts';
import { emptied, entriesOf, openAdminWorld, operatorContext } from '../support/admin-world.ts';
import { serviceActor } from '../support/audit-events.ts';
import { describeStores } from '../support/stores.ts';
import { until } from '../support/until.ts';
import { basic, openTestSts } from '../support/test-sts.ts';

describeStores('rows of a stolen login', (open) => {
  test.each(['9223372036854775807', '9007199254740993', '9007199254740992', '1000000001'])(
    'in the outbox of the admin service, such as number %s, keep no decision from the status feed',
    async (seq) => {
      const world = await openAdminWorld(emptied(open));
      await world.store.superuser.query('ALTER TABLE outbox DROP CONSTRAINT IF EXISTS outbox_sealed');
      await world.store.writer.query(
        `INSERT INTO outbox (seq, event_id, entry, seal) VALUES (${seq}, 'f1', '{}', 'x')`,
      );
      for (const serviceId of ['bff', 'leads'])
        await world.resolvers.Mutation.suspendService(null, { serviceId, reason: 'r' }, operatorContext());
      const told = entriesOf(world).filter(({ kind }) => kind === 'service_suspended');
      expect(told.map(({ service }) => service)).toEqual(['bff', 'leads']);
      await world.admin.close();
    },
  );

  test('in the history of the policies keep the admin service from nothing', async () => {
    const world = await openAdminWorld(emptied(open));
    await world.store.writer.query(
      `INSERT INTO policy_versions (version, event_id, sha256, at)
       SELECT g, 'x' || g, 'x', 0 FROM generate_series(2, 500) g ON CONFLICT DO NOTHING`,
    );
    await world.admin.close();
    const again = await openAdminWorld(emptied(open), world.store);
    await until(() => entriesOf(again).some(({ kind }) => kind === 'policies_changed'));
    await again.admin.close();
  });

  test('in the register of tokens do not end the revocation of one', async () => {
    const store = await open('sts', MIGRATIONS);
    const sts = await openTestSts({ openStore: open, store, bus: createInProcessBus(), clients: ['bff'] });
    const actor = serviceActor('operator');
    await prune(store.writer, sts.seals, Date.now());
    const { jti, exp } = (await sts.token({ grant_type: 'client_credentials' }, { headers: basic('bff') }))
      .claims;
    await store.writer.query('DELETE FROM issued_tokens WHERE jti = $1', [jti]);
    await store.writer.query(
      `INSERT INTO issued_tokens (jti, root_jti, sub, client_id, scope, expires_at) VALUES ($1, $1, 'bff', 'bff', '', 0)`,
      [jti],
    );
    await sts.revoke({ jti, reason: 'stolen', actor });
    await prune(store.writer, sts.seals, exp * 1000);
    const { rows } = await store.writer.query<{ entry: string }>('SELECT entry FROM status_entries');
    expect(rows.map(({ entry }) => JSON.parse(entry) as unknown)).toContainEqual(
      expect.objectContaining({ kind: 'token_revoked', jti }),
    );
    await sts.close();
  });

  test('in the rotations of the STS keep no key in use, and are reported', async () => {
    const store = await open('sts', MIGRATIONS);
    const sts = await openTestSts({
      openStore: open,
      store,
      bus: createInProcessBus(),
      clients: ['operator'],
    });
    const active = async () =>
      (await readUnverifiedKeySet(store.writer))?.set.keys.find(({ state }) => state === 'ACTIVE')?.kid;
    await store.writer.query(
      `INSERT INTO rotations (generation, result) SELECT g, '{}' FROM generate_series(1, 1000) g ON CONFLICT DO NOTHING`,
    );
    const before = await active();
    const order = { mode: 'NOW', kid: before, reason: 'r', actor: serviceActor('operator') } as const;
    expect((await sts.rotate(order)).active.kid).toBe(await active());
    expect(await active()).not.toBe(before);
    expect(sts.seals.forged.state).toContain('forged');
    await sts.close();
  });
});
