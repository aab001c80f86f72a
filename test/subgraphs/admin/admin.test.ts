import { expect, test } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SecurityError } from '@aduana/core/errors/security-error';
import {
  type AdminWorld,
  delivered,
  emptied,
  entriesOf,
  openAdminWorld,
  operatorContext,
  codeOf,
} from '../../support/admin-world.ts';
import { describeStores } from '../../support/stores.ts';

const THUMBPRINT = 'A'.repeat(43);

describeStores('admin', (open) => {
  const openStore = emptied(open);

  test('a suspension is stored, appended to the status feed and recorded, also once more; so is its end', async () => {
    const world = await openAdminWorld(openStore);
    const { Mutation, Query } = world.resolvers;
    const suspended = await Mutation.suspendService(
      null,
      { serviceId: 'bff', reason: 'leaked' },
      operatorContext(),
    );
    expect(suspended).toEqual({
      id: 'bff',
      spiffeId: 'spiffe://aduana.local/bff',
      roles: ['bff'],
      suspended: true,
    });
    await Mutation.suspendService(null, { serviceId: 'bff', reason: 'again' }, operatorContext());
    expect((await Query.services()).filter((service) => service.suspended).map(({ id }) => id)).toEqual([
      'bff',
    ]);
    expect(
      (await Mutation.restoreService(null, { serviceId: 'bff', reason: 'new key' }, operatorContext()))
        .suspended,
    ).toBe(false);
    expect(entriesOf(world).map(({ kind, service, sha256 }) => [kind, service ?? sha256])).toEqual([
      ['policies_changed', world.policies.current().sha256],
      ['service_suspended', 'bff'],
      ['service_suspended', 'bff'],
      ['service_restored', 'bff'],
    ]);
    expect(world.sent.every(({ authorization }) => authorization === 'Bearer own-token-for-sts')).toBe(true);
    expect(world.records.map(({ type, actor, detail }) => [type, actor.sub, detail])).toEqual([
      ['service.suspend', 'operator', { service: 'bff', reason: 'leaked', changed: true }],
      ['service.suspend', 'operator', { service: 'bff', reason: 'again', changed: false }],
      ['service.restore', 'operator', { service: 'bff', reason: 'new key', changed: true }],
    ]);
    expect(world.records.every(({ trace }) => trace?.trace_id === 'a'.repeat(32))).toBe(true);
  });

  test('what the feed does not take now is kept over a restart and delivered in order', async () => {
    const world = await openAdminWorld(openStore);
    world.sts.status = 0;
    await world.resolvers.Mutation.suspendService(null, { serviceId: 'bff', reason: 'r' }, operatorContext());
    await world.resolvers.Mutation.restoreService(null, { serviceId: 'bff', reason: 'r' }, operatorContext());
    await world.resolvers.Mutation.suspendService(
      null,
      { serviceId: 'leads', reason: 'r' },
      operatorContext(),
    );
    expect((await world.admin.check())['feed']).toBe('what was decided waits for the status feed');
    await world.admin.close();
    const next = await openAdminWorld(openStore, world.store);
    await delivered(next, 3);
    const told = entriesOf(next).filter(({ kind }) => kind !== 'policies_changed');
    expect(told.map(({ kind, service }) => `${String(kind)} ${String(service)}`)).toEqual([
      'service_suspended bff',
      'service_restored bff',
      'service_suspended leads',
    ]);
    expect(new Set(told.map(({ id }) => id)).size).toBe(3);
    expect((await next.admin.check())['feed']).toBe('ok');
  });

  test('a start appends to the feed again what is in force, under the same ids', async () => {
    const world = await openAdminWorld(openStore);
    await world.resolvers.Mutation.suspendService(null, { serviceId: 'bff', reason: 'r' }, operatorContext());
    await world.resolvers.Mutation.revokeCertificate(
      null,
      { thumbprint: THUMBPRINT, reason: 'r' },
      operatorContext(),
    );
    await world.admin.close();
    const next = await openAdminWorld(openStore, world.store);
    await delivered(next, 2);
    const ids = (of: AdminWorld) =>
      entriesOf(of)
        .filter(({ kind }) => kind !== 'policies_changed')
        .map(({ id }) => id);
    expect(ids(next)).toEqual(ids(world));
  });

  test('a certificate is revoked once, and its first time stays', async () => {
    const world = await openAdminWorld(openStore);
    const { Mutation } = world.resolvers;
    const first = await Mutation.revokeCertificate(
      null,
      { thumbprint: THUMBPRINT, reason: 'lost' },
      operatorContext(),
    );
    await world.clock.advance(5_000);
    const second = await Mutation.revokeCertificate(
      null,
      { thumbprint: THUMBPRINT, reason: 'lost' },
      operatorContext(),
    );
    expect(first).toEqual({ thumbprint: THUMBPRINT, revokedAt: '2026-11-24T12:00:00.000Z' });
    expect(second).toEqual(first);
    expect(entriesOf(world).filter(({ kind }) => kind === 'certificate_revoked')).toHaveLength(1);
    expect(
      await codeOf(Mutation.revokeCertificate(null, { thumbprint: 'short', reason: 'r' }, operatorContext())),
    ).toBe('BAD_REQUEST');
  });

  test('a service that is not registered, any more or yet, can be suspended and restored', async () => {
    const world = await openAdminWorld(openStore);
    const { Mutation, Query } = world.resolvers;
    const gone = { id: 'gone', spiffeId: null, roles: [] };
    const order = { serviceId: 'gone', reason: 'r' };
    expect(await Mutation.suspendService(null, order, operatorContext())).toEqual({
      ...gone,
      suspended: true,
    });
    expect(await Query.services()).toContainEqual({ ...gone, suspended: true });
    expect(await Query.service(null, { id: 'gone' })).toEqual({ ...gone, suspended: true });
    expect(await Mutation.restoreService(null, order, operatorContext())).toEqual({
      ...gone,
      suspended: false,
    });
    expect(await Query.service(null, { id: 'gone' })).toBeNull();
  });

  test('what is no service id, missing reasons, and services without which nothing could be restored, are refused, and nothing is stored', async () => {
    const world = await openAdminWorld(openStore);
    const { Mutation } = world.resolvers;
    const suspend = (serviceId: string, reason: string) =>
      codeOf(Mutation.suspendService(null, { serviceId, reason }, operatorContext()));
    for (const id of ['', ' bff', '__proto__', 'a/b', 'x'.repeat(129)])
      expect(await suspend(id, 'r')).toBe('UNKNOWN_SERVICE');
    expect(await suspend('bff', '  ')).toBe('BAD_REQUEST');
    expect(await suspend('bff', 'x'.repeat(501))).toBe('BAD_REQUEST');
    for (const essential of ['audit', 'sts', 'admin', 'operator'])
      expect(await suspend(essential, 'r')).toBe('SERVICE_ESSENTIAL');
    expect(await world.admin.states.suspended()).toEqual(new Set());
    expect(world.records).toEqual([]);
  });

  test('a client secret is rotated by a caller over mTLS alone, before anything changes', async () => {
    const world = await openAdminWorld(openStore);
    const { Mutation } = world.resolvers;
    world.sent.length = 0;
    const order = { serviceId: 'bff', reason: 'r' };
    expect(
      await codeOf(Mutation.rotateServiceSecret(null, order, operatorContext('client_secret_basic'))),
    ).toBe('MTLS_REQUIRED');
    expect(world.sent).toEqual([]);
    world.sts.body = { version: 2, secret: null, grace_until: '2026-11-24T13:00:00.000Z' };
    expect(await Mutation.rotateServiceSecret(null, order, operatorContext('tls_client_auth'))).toEqual({
      serviceId: 'bff',
      version: 2,
      secret: null,
      graceUntil: '2026-11-24T13:00:00.000Z',
    });
    expect(world.sent[0]?.body).toMatchObject({ service_id: 'bff', grace_seconds: 3600, reason: 'r' });
    expect(world.sent[0]).toMatchObject({
      traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`,
      body: { subject_token: 'token-of-the-operator' },
    });
    world.sts.body = { version: 2, secret: null, grace_until: null };
    expect(
      await Mutation.rotateServiceSecret(null, { ...order, graceSeconds: 0 }, operatorContext()),
    ).toMatchObject({
      secret: null,
      graceUntil: '2026-11-24T12:00:00.000Z',
    });
    world.sts = { status: 409, body: { error: 'ROTATION_IN_GRACE' } };
    expect(await codeOf(Mutation.rotateServiceSecret(null, order, operatorContext()))).toBe(
      'ROTATION_IN_GRACE',
    );
    world.sts = { status: 403, body: { error: 'MTLS_REQUIRED' } };
    expect(await codeOf(Mutation.rotateServiceSecret(null, order, operatorContext()))).toBe('MTLS_REQUIRED');
    world.sts = { status: 401, body: { error: 'invalid_token' } };
    expect(await codeOf(Mutation.rotateServiceSecret(null, order, operatorContext()))).toBe(
      'STS_UNAVAILABLE',
    );
  });

  test('policies are reloaded on demand, appended to the feed and recorded; bad files are refused with file and line', async () => {
    const world = await openAdminWorld(openStore);
    const { Mutation, Query } = world.resolvers;
    const before = Query.policySet().sha256;
    const file = join(world.folder, 'iam_policies.yaml');
    await writeFile(file, `${await readFile(file, 'utf8')}\n# another line\n`);
    const set = await Mutation.reloadPolicies(null, {}, operatorContext());
    expect(set.sha256).not.toBe(before);
    await delivered(world, 2);
    expect(entriesOf(world).map(({ sha256 }) => sha256)).toEqual([before, set.sha256]);
    await writeFile(file, 'version: 1\nroles: { r: { permission: [] } }\n');
    const error: unknown = await Mutation.reloadPolicies(null, {}, operatorContext()).catch(
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ code: 'POLICY_INVALID', status: 422 });
    expect((error as SecurityError).extensions['problems']).toContainEqual(
      expect.stringContaining('iam_policies.yaml:2: `roles.r` has the unknown key `permission`'),
    );
    expect(Query.policySet().sha256).toBe(set.sha256);
    expect(
      world.records
        .filter(({ type }) => type === 'policy.reload')
        .map(({ outcome, policy }) => [outcome, policy?.sha256]),
    ).toContainEqual(['FAILED', set.sha256]);
  });
});
