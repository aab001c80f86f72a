import { expect, test } from '@jest/globals';
import { Secret } from '@aduana/core/secrets/secret';
import {
  type AdminWorld,
  delivered,
  emptied,
  entriesOf,
  openAdminWorld,
  operatorContext,
} from '../support/admin-world.ts';
import { createMemorySecrets } from '../support/memory-secrets.ts';
import { describeOneStore, describePostgresServer } from '../support/stores.ts';

// The attacker: whoever can write the admin service's tables. What that service sends to the status feed counts.
const THUMBPRINT = 'T'.repeat(43);
const RESTORED = JSON.stringify({ id: 'f1', kind: 'service_restored', service: 'bff' });
const TABLES = ['service_states', 'certificate_revocations', 'subject_revocations', 'outbox'] as const;

describeOneStore('H3 decisions that the admin service did not take', (open) => {
  const openStore = emptied(open);
  const attack = (world: AdminWorld, sql: string, ...parameters: unknown[]) =>
    world.store.superuser.query(sql, parameters);
  const withoutChecks = (world: AdminWorld) =>
    Promise.all(
      TABLES.map((table) => attack(world, `ALTER TABLE ${table} DROP CONSTRAINT IF EXISTS ${table}_sealed`)),
    );
  const order = (serviceId: string) => ({ serviceId, reason: 'r' });
  const told = (world: AdminWorld): readonly string[] =>
    entriesOf(world)
      .filter(({ kind }) => kind !== 'policies_changed')
      .map(
        ({ kind, service, thumbprint, subject }) =>
          `${String(kind)} ${String(service ?? thumbprint ?? subject)}`,
      );
  async function expectReported(world: AdminWorld, table: string): Promise<void> {
    expect(world.records.filter(({ type }) => type === 'store.forged')).toContainEqual(
      expect.objectContaining({ outcome: 'DENIED', detail: expect.objectContaining({ table }) as unknown }),
    );
    expect((await world.admin.check())['store']).toContain('forged'); // what `/health` shows
  }
  async function suspended(): Promise<AdminWorld> {
    const world = await openAdminWorld(openStore);
    await withoutChecks(world);
    await world.resolvers.Mutation.suspendService(null, order('bff'), operatorContext());
    return world;
  }

  test.each([
    ['without a seal', 'NULL'],
    ['with one of the attacker', "'x'"],
    ['with that of another row', `(SELECT seal FROM service_states LIMIT 1)`],
  ])('a row of the outbox %s is not sent, and holds nothing up', async (_name, seal) => {
    const world = await suspended();
    for (const seq of [1, 900])
      await attack(
        world,
        `INSERT INTO outbox (seq, event_id, entry, seal) VALUES ($1, $3, $2, ${seal})`,
        seq, RESTORED, `f${String(seq)}`,
      ); // prettier-ignore
    await world.resolvers.Mutation.suspendService(null, order('leads'), operatorContext());
    expect(told(world)).toEqual(['service_suspended bff', 'service_suspended leads']);
    await expectReported(world, 'outbox');
  });

  test('nor is a waiting row whose text was changed, or whose place was', async () => {
    const world = await suspended();
    world.sts.status = 0;
    await world.resolvers.Mutation.suspendService(null, order('leads'), operatorContext());
    await world.resolvers.Mutation.restoreService(null, order('leads'), operatorContext());
    await world.resolvers.Mutation.suspendService(null, order('leads'), operatorContext());
    await world.resolvers.Mutation.suspendService(null, order('audit-shipper'), operatorContext());
    await attack(world, 'UPDATE outbox SET entry = $1 WHERE seq = (SELECT max(seq) FROM outbox)', RESTORED);
    await attack(
      world,
      `UPDATE outbox SET seq = seq + 100 WHERE entry LIKE '%service_restored%' AND entry LIKE '%leads%'`,
    );
    world.sts.status = 200;
    await world.admin.close();
    const next = await openAdminWorld(openStore, world.store);
    await delivered(next, 3);
    expect(told(next)).not.toContain('service_restored leads');
    expect(told(next)).not.toContain('service_restored bff');
    expect(told(next)).toContain('service_suspended audit-shipper'); // as its state says
    await expectReported(next, 'outbox');
  });

  test('a start restates no state that was changed', async () => {
    const world = await suspended();
    await world.resolvers.Mutation.suspendService(null, order('leads'), operatorContext());
    await attack(world, `UPDATE service_states SET suspended = false, event_id = 'f2' WHERE service = 'bff'`);
    await attack(
      world,
      `INSERT INTO service_states (service, suspended, event_id, reason, actor, at, seal)
       SELECT 'actuator', false, 'f3', reason, actor, at, seal FROM service_states WHERE service = 'leads'`,
    );
    await world.admin.close();
    const next = await openAdminWorld(openStore, world.store);
    await delivered(next, 1);
    expect(told(next)).toEqual(['service_suspended leads']);
    await expectReported(next, 'service_states');
    expect(await next.admin.states.suspended()).toEqual(new Set(['leads']));
  });

  test('no row swallows a decision: neither one that says it was taken, nor one of before that is put back', async () => {
    const world = await suspended();
    const { Mutation } = world.resolvers;
    const { rows } = await attack(world, `SELECT * FROM service_states WHERE service = 'bff'`);
    await Mutation.restoreService(null, order('bff'), operatorContext());
    await attack(
      world,
      `UPDATE service_states SET suspended = true, event_id = $1, reason = $2, actor = $3, at = $4, seal = $5
       WHERE service = 'bff'`,
      ...['event_id', 'reason', 'actor', 'at', 'seal'].map((name) => rows[0]?.[name]),
    );
    for (const service of ['bff', 'leads']) {
      if (service === 'leads')
        await attack(world, `INSERT INTO service_states VALUES ('leads', true, 'f4', 'r', 'a', 1, 'x')`);
      await Mutation.suspendService(null, order(service), operatorContext());
    }
    await attack(
      world,
      `INSERT INTO certificate_revocations VALUES ($1, 'f5', 'r', 'a', 1, 'x')`,
      THUMBPRINT,
    );
    const { revokedAt } = await Mutation.revokeCertificate(
      null, { thumbprint: THUMBPRINT, reason: 'r' }, operatorContext(),
    ); // prettier-ignore
    expect(revokedAt).toBe('2026-11-24T12:00:00.000Z');
    await attack(
      world,
      `INSERT INTO subject_revocations VALUES ('i', 'ana', 99999999999, 'f6', 'r', 'a', 1, 'x')`,
    );
    await Mutation.revokeSubject(null, { issuer: 'i', subject: 'ana', reason: 'r' }, operatorContext());
    expect(told(world)).toEqual([
      'service_suspended bff',
      'service_restored bff',
      'service_suspended bff',
      'service_suspended leads',
      `certificate_revoked ${THUMBPRINT}`,
      'subject_revoked ana',
    ]);
    await world.admin.close();
    const next = await openAdminWorld(openStore, world.store);
    await delivered(next, 4);
    expect(told(next)).toHaveLength(4);
    expect((await next.admin.check())['store']).toBe('ok');
  });

  test('the rows of a release without seals are sealed once, by the first start, and never again', async () => {
    const world = await suspended();
    const { Mutation } = world.resolvers;
    await Mutation.revokeCertificate(null, { thumbprint: THUMBPRINT, reason: 'r' }, operatorContext());
    world.sts.status = 0;
    await Mutation.revokeSubject(null, { issuer: 'i', subject: 'ana', reason: 'r' }, operatorContext());
    await world.admin.close();
    const withoutSeals = async (): Promise<void> => {
      for (const table of TABLES) await attack(world, `UPDATE ${table} SET seal = NULL`);
    };
    await withoutSeals();
    await attack(world, 'TRUNCATE shared_secrets');
    const secrets = createMemorySecrets();
    const next = await openAdminWorld(openStore, world.store, secrets);
    await delivered(next, 3);
    // What waited may be sent before it is stated anew: the STS takes each id once.
    expect([...new Set(told(next))].sort()).toEqual([
      `certificate_revoked ${THUMBPRINT}`,
      'service_suspended bff',
      'subject_revoked ana',
    ]);
    expect((await next.admin.check())['store']).toBe('ok');
    await next.admin.close();
    await withoutSeals();
    const last = await openAdminWorld(openStore, world.store, secrets);
    expect(await last.admin.states.suspended()).toEqual(new Set());
    expect(told(last)).toEqual([]);
    await expectReported(last, 'service_states');
  });

  // an embedded database has one home, and shares nothing
  describePostgresServer('replicas with homes of their own', () => {
    test('a home without the key of the rows does not start, rather than seal under one of its own', async () => {
      const world = await suspended();
      await world.admin.close();
      await attack(world, 'TRUNCATE shared_secrets');
      const secrets = createMemorySecrets();
      await expect(openAdminWorld(openStore, world.store, secrets)).rejects.toMatchObject({
        problems: [{ problem: expect.stringContaining('does not have the secrets') as unknown }],
      });
      await secrets.put('admin/sealed-rows', Secret.of('sealed'), 0);
      await expect(openAdminWorld(openStore, world.store, secrets)).rejects.toBeDefined();
    });
  });
});
