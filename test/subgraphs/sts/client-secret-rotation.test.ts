import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createInProcessBus } from '@aduana/server-kit/bus/in-process-bus';
import { createSystemClock } from '@aduana/core/platform/clock';
import { MIGRATIONS } from '../../../subgraphs/sts/migrations.ts';
import { askToRotate, deciderToken } from '../../support/decided-rotation.ts';
import { describeStores } from '../../support/stores.ts';
import { basic, openTestSts, SECRETS, type TestSts } from '../../support/test-sts.ts';

const ACTOR = { sub: 'admin', client_id: 'admin', act: [], auth_method: null, cert_thumbprint: null };

describeStores('client-secret rotation', (openStore) => {
  const time = { passed: 0 };
  const clock = { ...createSystemClock(), now: () => Date.now() + time.passed };
  let sts: TestSts;
  let replica: TestSts;
  beforeAll(async () => {
    const store = await openStore('sts', MIGRATIONS);
    const shared = { openStore, store, clock, bus: createInProcessBus() };
    sts = await openTestSts({ ...shared, clients: ['bff', 'operator', 'auditor', 'actuator'] });
    replica = await openTestSts({ ...shared, secrets: sts.secrets, ca: sts.ca });
  });
  afterAll(async () => {
    await sts.close();
    await replica.close();
  });

  const login = async (at: TestSts, id: string, secret?: string): Promise<number> =>
    (await at.token({ grant_type: 'client_credentials' }, { headers: basic(id, secret) })).status;
  const rotate = (at: TestSts, service: string, graceSeconds: number, idempotencyKey?: string) =>
    at.rotateSecret({ service, graceSeconds, reason: 'a test', actor: ACTOR, idempotencyKey });

  test('within the grace the new and the previous secret are accepted, afterwards the new one alone', async () => {
    const { secret, version, graceUntil } = await rotate(sts, 'bff', 600);
    expect(version).toBe(2);
    expect(await login(sts, 'bff', secret?.reveal())).toBe(200);
    expect(await login(sts, 'bff')).toBe(200);
    time.passed = Math.max(0, (graceUntil ?? 0) - Date.now());
    expect(await login(sts, 'bff')).toBe(401);
    expect(await login(sts, 'bff', secret?.reveal())).toBe(200);
  });

  test('without a grace the previous secret is refused at once, also by another replica that has seen it', async () => {
    expect(await login(replica, 'operator')).toBe(200);
    const { secret } = await rotate(sts, 'operator', 0);
    await replica.clients.secrets.reload();
    expect(await login(sts, 'operator')).toBe(401);
    expect(await login(replica, 'operator')).toBe(401);
    expect(await login(replica, 'operator', secret?.reveal())).toBe(200);
  });

  test('a rotation while the previous secret is in grace is refused, unless the grace asked for is 0', async () => {
    await rotate(sts, 'auditor', 3_600);
    await expect(rotate(replica, 'auditor', 3_600)).rejects.toMatchObject({
      code: 'ROTATION_IN_GRACE',
      status: 409,
    });
    const { version } = await rotate(replica, 'auditor', 0);
    expect(version).toBe(3);
    await sts.clients.secrets.reload();
    expect(await login(sts, 'auditor')).toBe(401);
  });

  test('ten concurrent rotations over two replicas are one new version, and the winner alone is told the secret', async () => {
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, index) => rotate(index % 2 === 0 ? sts : replica, 'actuator', 60)),
    );
    expect(results.filter(({ secret }) => secret !== undefined)).toHaveLength(1);
    expect(new Set(results.map(({ version }) => version))).toEqual(new Set([2]));
  });

  test('the provider holds the new secret, the audit log tells of it, and neither log nor store holds it', async () => {
    const { secret } = await rotate(sts, 'gateway', 0, 'once');
    const again = await rotate(replica, 'gateway', 0, 'once');
    expect([again.version, again.secret]).toEqual([1, undefined]);
    expect((await sts.secrets.get('client-secrets/gateway'))?.value.reveal()).toBe(secret?.reveal());
    expect(sts.records.at(-1)).toMatchObject({
      type: 'secret.rotate',
      detail: { service: 'gateway', version: 1 },
    });
    const { rows } = await sts.store.writer.query('SELECT * FROM client_secrets, idempotency');
    for (const text of [JSON.stringify(rows), JSON.stringify(sts.records)])
      expect(text).not.toContain(secret?.reveal() ?? 'no secret');
    expect(JSON.stringify(again)).not.toContain(secret?.reveal() ?? 'no secret');
  });

  test('POST /sts/rotate-client-secret is for the admin service alone', async () => {
    const subject_token = await deciderToken(sts);
    for (const service of ['operator', 'gateway', 'bff'])
      await expect(askToRotate(sts, 'bff', { subject_token }, service)).rejects.toMatchObject({
        code: 'FORBIDDEN',
      });
    const answer = await askToRotate(sts, 'bff', { subject_token });
    expect(JSON.parse(String(answer.body))).toEqual({ version: 3, secret: null, grace_until: null });
    expect(answer.headers?.['cache-control']).toBe('no-store');
    expect(await login(sts, 'bff', SECRETS['bff'])).toBe(401);
  });

  test('the event of a rotation names whoever decided it, with the admin service as the one that acts', async () => {
    await askToRotate(sts, 'bff', { subject_token: await deciderToken(sts) });
    expect(sts.records.at(-1)).toMatchObject({
      type: 'secret.rotate',
      actor: { sub: 'operator', client_id: 'admin', act: ['admin', 'gateway'] },
      trace: { trace_id: 'a'.repeat(32) },
    });
  });
});
