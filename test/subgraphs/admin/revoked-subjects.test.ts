import { expect, test } from '@jest/globals';
import { createSeals } from '@aduana/server-kit/seals/row-seals';
import { ensureSecret } from '@aduana/server-kit/secrets/ensure-secret';
import {
  type AdminWorld,
  delivered,
  emptied,
  entriesOf,
  ISSUER,
  openAdminWorld,
  operatorContext,
  codeOf,
  SECRETS_OF_ADMIN,
} from '../../support/admin-world.ts';
import { describeStores } from '../../support/stores.ts';

describeStores('revoked subjects', (open) => {
  const openStore = emptied(open);

  test('a subject is revoked up to this second, appended to the feed and recorded, and again later', async () => {
    const world = await openAdminWorld(openStore);
    const { Mutation } = world.resolvers;
    const order = { issuer: 'https://idp.example.com', subject: 'ana', reason: 'stolen' };
    const revoke = (more: object = {}) =>
      Mutation.revokeSubject(null, { ...order, ...more }, operatorContext());
    const { issuer, subject } = order;
    expect(await revoke()).toEqual({ issuer, subject, revokedAt: '2026-11-24T12:00:00.000Z' });
    await revoke();
    await revoke({ issuer: ISSUER, subject: 'bff' });
    await world.clock.advance(2_000);
    await revoke();
    const at = Date.parse('2026-11-24T12:00:00Z') / 1000;
    const told = (of: AdminWorld) =>
      entriesOf(of)
        .filter(({ kind }) => kind === 'subject_revoked')
        .map(({ issuer: of, subject: name, notAfter }) => [of, name, notAfter]);
    expect(told(world)).toEqual([
      [issuer, 'ana', at],
      [ISSUER, 'bff', at],
      [issuer, 'ana', at + 2],
    ]);
    expect(world.records.map(({ type, actor, detail }) => [type, actor.sub, detail])).toContainEqual([
      'subject.revoke',
      'operator',
      { issuer, subject: 'ana', not_after: at, reason: 'stolen' },
    ]);
    for (const bad of [{ issuer: '' }, { subject: '' }, { subject: 'x'.repeat(256) }, { reason: ' ' }])
      expect(await codeOf(revoke(bad))).toBe('BAD_REQUEST');
    await world.admin.close();
    const next = await openAdminWorld(openStore, world.store);
    await delivered(next, 2);
    expect(told(next)).toEqual(
      expect.arrayContaining([
        [ISSUER, 'bff', at],
        [issuer, 'ana', at + 2],
      ]),
    );
    expect(told(next)).toHaveLength(2);
  });

  test('revoked subjects are bounded, and forgotten when no token of theirs can count any more', async () => {
    const world = await openAdminWorld(openStore);
    const { superuser } = world.store;
    const at = world.clock.now() / 1000;
    const { seal } = createSeals((await ensureSecret(SECRETS_OF_ADMIN, 'admin/row-seal-key')).revealBytes());
    const names = Array.from({ length: 100_000 }, (_, n) => String(n + 1));
    const insert = (seals: readonly string[]) =>
      superuser.query(
        `INSERT INTO subject_revocations (issuer, subject, not_after, event_id, reason, actor, at, seal)
         SELECT 'i', n, $1, n, 'r', 'a', 0, s FROM unnest($2::text[], $3::text[]) g(n, s)`,
        [at, names, seals],
      );
    await insert(names.map(() => 'forged'));
    const revoke = (subject: string) =>
      codeOf(
        world.resolvers.Mutation.revokeSubject(
          null,
          { issuer: 'i', subject, reason: 'r' },
          operatorContext(),
        ),
      );
    expect(await revoke('not kept out by forged ones')).toBe('ok');
    await superuser.query('DELETE FROM subject_revocations');
    await insert(names.map((name) => seal('subject_revocations', ['i', name, at, name, 'r', 'a', 0])));
    expect(await revoke('one more')).toBe('TOO_MANY_REVOCATIONS');
    expect(await revoke('7')).toBe('ok');
    await superuser.query('UPDATE subject_revocations SET not_after = not_after - 31 * 86400');
    expect(await revoke('one more')).toBe('ok');
    const { rows } = await superuser.query('SELECT subject FROM subject_revocations');
    expect(rows).toEqual([{ subject: 'one more' }]);
  });
});
