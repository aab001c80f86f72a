import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createInProcessBus } from '@aduana/server-kit/bus/in-process-bus';
import { compile, type Engine } from '@aduana/server-kit/iam/compile';
import { loadPolicies } from '@aduana/server-kit/iam/load-policies';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import { maySeeSecret } from '../../subgraphs/sts/clients/may-see-secret.ts';
import { MIGRATIONS } from '../../subgraphs/sts/migrations.ts';
import { serviceActor } from '../support/audit-events.ts';
import { policyFolder } from '../support/policy-folder.ts';
import { describeStores, type TestStore } from '../support/stores.ts';
import { basic, openTestSts, type TestSts } from '../support/test-sts.ts';

const ACTOR = serviceActor('operator');
// A Tuesday at noon in Madrid, and that night.
const DAY = Date.parse('2026-11-24T11:00:00Z');
const NIGHT = Date.parse('2026-11-24T02:00:00Z');

describe('the answer of a rotation', () => {
  const claims = (sub: string, roles: readonly string[], kind = 'service') =>
    ({ sub, roles, sub_kind: kind, sub_iss: 'https://idp.example.com' }) as unknown as AccessTokenClaims;
  const operator = claims('operator', ['admin']);
  const sees = (engine: Engine, serviceId: string, caller: AccessTokenClaims, time = DAY): boolean => {
    const service = engine.services.get(serviceId);
    if (service === undefined) throw new TypeError('no such service');
    return maySeeSecret(service, caller, engine, {
      time,
      mtls: true,
      authenticationMethod: 'tls_client_auth',
    });
  };

  test.each(['bff', 'actuator', 'auditor', 'gateway'])(
    'shows the operator no secret of %s, by which he could do what he may not',
    async (service) => {
      expect(sees(compile(await loadPolicies('policies')), service, operator)).toBe(false);
    },
  );

  const IAM = `version: 1
permissions: [leads:read, leads:pii:read]
conditions: { day: { time: { zone: Europe/Madrid, days: [tue], from: '08:00', to: '20:00' } } }
roles:
  admin: { permissions: [iam:**, leads:read, leads:pii:read, { deny: leads:pii:read, unless: [day] }] }
  reader: { permissions: [leads:read] }
  sales: { permissions: [leads:read, leads:pii:read] }
`;
  const service = (id: string, roles: string, more = '') =>
    `  ${id}: { spiffe_id: spiffe://aduana.local/${id}, roles: [${roles}], authentication: [client_secret_basic, tls_client_auth]${more} }\n`;
  async function engineOf(services: string): Promise<Engine> {
    const folder = await policyFolder({
      'iam_policies.yaml': IAM,
      'service_identities.yaml': `version: 1\nservices:\n${service('operator', 'admin')}${services}`,
      'trusted_issuers.yaml': 'version: 1\nissuers: []\n',
    });
    return compile(await loadPolicies(folder));
  }

  test('shows it to who holds every permission of the service now, and to nobody else', async () => {
    const engine = await engineOf(
      service('bff', 'reader') +
        service('crm', 'sales') +
        service('relay', 'reader', ", exchange: { audiences: ['*'], scopes: ['**'] }"),
    );
    expect(sees(engine, 'bff', operator)).toBe(true);
    expect(sees(engine, 'crm', operator)).toBe(true);
    // At night his own role denies him what the service may then do.
    expect(sees(engine, 'crm', operator, NIGHT)).toBe(false);
    // What a service may exchange for others is more than its roles say.
    expect(sees(engine, 'relay', operator)).toBe(false);
    // A token whose role was taken from its service, and a user who calls himself as the service does.
    expect(sees(engine, 'bff', claims('bff', ['admin']))).toBe(false);
    expect(sees(engine, 'bff', claims('operator', [], 'user'))).toBe(false);
    expect(sees(engine, 'bff', claims('alice', ['admin'], 'user'))).toBe(true);
  });
});

describeStores("a service's own secret", (openStore) => {
  let store: TestStore;
  let sts: TestSts;
  let replica: TestSts;
  beforeAll(async () => {
    store = await openStore('sts', MIGRATIONS);
    const shared = { openStore, store, bus: createInProcessBus() };
    sts = await openTestSts({ ...shared, clients: ['bff', 'operator', 'auditor'] });
    replica = await openTestSts({ ...shared, secrets: sts.secrets, ca: sts.ca });
  });
  afterAll(() => Promise.all([sts.close(), replica.close()]));

  const collect = async (service: string, at = sts, headers: Record<string, string> = {}) =>
    at.call({ method: 'GET', path: '/sts/client-secret', headers, peer: await sts.peer(service) });
  const bodyOf = ({ body }: Awaited<ReturnType<typeof collect>>) =>
    JSON.parse(String(body)) as { version: number; secret: string; graceUntil: string | null };

  test('is collected by its certificate after a rotation, from any replica, works, and is recorded', async () => {
    const { secret } = await sts.rotateSecret({
      service: 'auditor',
      graceSeconds: 60,
      reason: 'x',
      actor: ACTOR,
    });
    for (const at of [sts, replica]) {
      const answer = await collect('auditor', at);
      expect(answer.headers?.['cache-control']).toBe('no-store');
      const { version, secret: collected, graceUntil } = bodyOf(answer);
      expect([version, collected === secret?.reveal()]).toEqual([2, true]);
      expect(Date.parse(graceUntil ?? '')).toBeGreaterThan(Date.now());
      await at.clients.secrets.reload();
      const login = await at.token(
        { grant_type: 'client_credentials' },
        { headers: basic('auditor', collected) },
      );
      expect(login.status).toBe(200);
      const event = at.records.find(({ type }) => type === 'secret.collect');
      expect(event).toMatchObject({
        outcome: 'ALLOWED',
        actor: { sub: 'auditor' },
        detail: { service: 'auditor', version: 2 },
      });
      expect(JSON.stringify(at.records)).not.toContain(collected);
    }
  });

  test("is nobody else's: whatever the operator shows beside his certificate, he gets his own", async () => {
    const { secret } = bodyOf(await collect('operator', sts, basic('auditor', 'x')));
    expect(
      (await sts.token({ grant_type: 'client_credentials' }, { headers: basic('operator', secret) })).claims
        .sub,
    ).toBe('operator');
    await expect(sts.call({ method: 'GET', path: '/sts/client-secret', headers: basic('bff') })).rejects.toMatchObject({
      code: 'MTLS_REQUIRED', status: 403,
    }); // prettier-ignore
  });

  test.each(['gateway', 'admin', 'sts'])('%s has none', async (service) => {
    await expect(collect(service)).rejects.toMatchObject({ code: 'NO_CLIENT_SECRET', status: 404 });
  });

  test('nor has a peer that is not registered, or a service that is suspended', async () => {
    await expect(collect('unregistered')).rejects.toMatchObject({ code: 'FORBIDDEN', status: 403 });
    const entry = { id: 's1', kind: 'service_suspended', service: 'bff' };
    await sts.call({
      path: '/sts/status',
      headers: { 'content-type': 'application/json' },
      peer: await sts.peer('admin'),
      body: JSON.stringify({ entries: [entry] }),
    });
    await expect(collect('bff')).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});
