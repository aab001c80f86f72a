import { afterEach, describe, expect, test } from '@jest/globals';
import { cp, writeFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuditRecord } from '@aduana/core/audit/audit-event';
import { SecurityError } from '@aduana/core/errors/security-error';
import { type LivePolicies, openPolicies } from '@aduana/core/iam/live-policies';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/core/platform/log';
import { createMetrics } from '@aduana/core/platform/metrics';
import { Secret } from '@aduana/core/secrets/secret';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import { MIGRATIONS } from '../../../subgraphs/admin/migrations.ts';
import { openAdmin, type OpenAdmin } from '../../../subgraphs/admin/open-admin.ts';
import { createResolvers } from '../../../subgraphs/admin/resolvers.ts';
import type { SubgraphContext } from '../../../subgraphs/start-subgraph.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { policyFolder } from '../../support/policy-folder.ts';
import { describeStores, type OpenStore, type TestStore } from '../../support/stores.ts';

const LOG = createLog('silent', () => undefined);
const THUMBPRINT = 'A'.repeat(43);

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** What the STS was sent: path, token and JSON body. */
interface Sent {
  readonly path: string;
  readonly authorization: string;
  readonly traceparent: string;
  readonly body: { readonly entries?: readonly Record<string, unknown>[] } & Record<string, unknown>;
}

interface World {
  readonly admin: OpenAdmin;
  readonly policies: LivePolicies;
  readonly folder: string;
  readonly resolvers: ReturnType<typeof createResolvers>;
  readonly sent: Sent[];
  readonly records: AuditRecord[];
  /** How the STS answers. */
  sts: { status: number; body: unknown };
  readonly clock: ReturnType<typeof createFakeClock>;
  readonly store: TestStore;
}

/** One store for a suite, emptied for each test: databases are costly to make and to drop. */
function emptied(openStore: OpenStore): () => Promise<TestStore> {
  let store: Promise<TestStore> | undefined;
  return async () => {
    store ??= openStore('admin', MIGRATIONS);
    const { superuser } = await store;
    await superuser.query('TRUNCATE service_states, certificate_revocations, policy_versions, outbox');
    return store;
  };
}

async function openWorld(openStore: () => Promise<TestStore>, known?: TestStore): Promise<World> {
  const folder = await policyFolder({});
  await cp('policies', folder, { recursive: true });
  const clock = createFakeClock('2026-11-24T12:00:00Z');
  const policies = await openPolicies({ folder, clock, log: LOG });
  const store = known ?? (await openStore());
  const world = {
    sent: [] as Sent[],
    records: [] as AuditRecord[],
    sts: { status: 200, body: { accepted: 1 } } as World['sts'],
  };
  const admin = await openAdmin({
    policies,
    audit: {
      record: (record) => {
        world.records.push(record);
        return Promise.resolve('id');
      },
    },
    platform: { clock, log: LOG, metrics: createMetrics(), openStore: () => Promise.resolve(store) },
    line: {
      sts: { ownToken: (audience: string) => Promise.resolve(Secret.of(`own-token-for-${audience}`)) },
      stsPeer: {
        origin: 'https://localhost:8011',
        request: ({ path, headers, body }) => {
          if (world.sts.status === 0) return Promise.reject(new SecurityError('STS_UNAVAILABLE'));
          world.sent.push({
            path,
            authorization: headers?.['authorization'] ?? '',
            traceparent: headers?.['traceparent'] ?? '',
            body: JSON.parse(String(body)) as Sent['body'],
          });
          return Promise.resolve({
            status: world.sts.status,
            headers: {},
            body: Buffer.from(JSON.stringify(world.sts.body)),
          });
        },
      },
    } as Parameters<typeof openAdmin>[0]['line'],
  });
  closers.push(async () => {
    await admin.close();
    await policies.stop();
  });
  const resolvers = createResolvers({
    ...admin,
    readSupergraph: () => readFile('gateway/supergraph.graphql', 'utf8'),
    now: () => clock.now(),
  });
  return Object.assign(world, { admin, policies, folder, resolvers, clock, store });
}

function context(amr = 'x509_svid'): SubgraphContext {
  const claims = {
    sub: 'operator',
    client_id: 'operator',
    amr: [amr],
    act: { sub: 'gateway' },
  } as unknown as AccessTokenClaims;
  const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: false };
  return { token: { claims, kid: 'k', scopes: new Set() }, trace } as unknown as SubgraphContext;
}

const entries = ({ sent }: World) =>
  sent.filter(({ path }) => path === '/sts/status').flatMap(({ body }) => body.entries ?? []);
/** Lets time pass until the feed has been told so much: the store takes real time. */
async function delivered(world: World, count: number): Promise<void> {
  for (let round = 0; round < 400 && entries(world).length < count; round += 1) {
    await world.clock.advance(2_000);
    await createSystemClock().sleep(5);
  }
}
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'ok',
    (error: unknown) => (error instanceof SecurityError ? error.code : String(error)),
  );

describeStores('admin', (open) => {
  const openStore = emptied(open);

  test('a suspension is stored, told to the status feed once and recorded; so is its end', async () => {
    const world = await openWorld(openStore);
    const { Mutation, Query } = world.resolvers;
    const suspended = await Mutation.suspendService(null, { serviceId: 'bff', reason: 'leaked' }, context());
    expect(suspended).toEqual({
      id: 'bff',
      spiffeId: 'spiffe://aduana.local/bff',
      roles: ['bff'],
      suspended: true,
    });
    await Mutation.suspendService(null, { serviceId: 'bff', reason: 'again' }, context());
    expect((await Query.services()).filter((service) => service.suspended).map(({ id }) => id)).toEqual([
      'bff',
    ]);
    expect(
      (await Mutation.restoreService(null, { serviceId: 'bff', reason: 'new key' }, context())).suspended,
    ).toBe(false);
    expect(entries(world).map(({ kind, service, sha256 }) => [kind, service ?? sha256])).toEqual([
      ['policies_changed', world.policies.current().sha256],
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
    const world = await openWorld(openStore);
    world.sts.status = 0;
    await world.resolvers.Mutation.suspendService(null, { serviceId: 'bff', reason: 'r' }, context());
    await world.resolvers.Mutation.restoreService(null, { serviceId: 'bff', reason: 'r' }, context());
    await world.resolvers.Mutation.suspendService(null, { serviceId: 'leads', reason: 'r' }, context());
    expect(world.admin.check()['feed']).toBe('what was decided waits for the status feed');
    await world.admin.close();
    const next = await openWorld(openStore, world.store);
    await delivered(next, 3);
    const told = entries(next).filter(({ kind }) => kind !== 'policies_changed');
    expect(told.map(({ kind, service }) => `${String(kind)} ${String(service)}`)).toEqual([
      'service_suspended bff',
      'service_restored bff',
      'service_suspended leads',
    ]);
    expect(new Set(told.map(({ id }) => id)).size).toBe(3);
    expect(next.admin.check()['feed']).toBe('ok');
  });

  test('a start tells the feed again what is in force, under the same ids', async () => {
    const world = await openWorld(openStore);
    await world.resolvers.Mutation.suspendService(null, { serviceId: 'bff', reason: 'r' }, context());
    await world.resolvers.Mutation.revokeCertificate(
      null,
      { thumbprint: THUMBPRINT, reason: 'r' },
      context(),
    );
    await world.admin.close();
    const next = await openWorld(openStore, world.store);
    await delivered(next, 2);
    const ids = (of: World) =>
      entries(of)
        .filter(({ kind }) => kind !== 'policies_changed')
        .map(({ id }) => id);
    expect(ids(next)).toEqual(ids(world));
  });

  test('a certificate is revoked once, and its first time stays', async () => {
    const world = await openWorld(openStore);
    const { Mutation } = world.resolvers;
    const first = await Mutation.revokeCertificate(
      null,
      { thumbprint: THUMBPRINT, reason: 'lost' },
      context(),
    );
    await world.clock.advance(5_000);
    const second = await Mutation.revokeCertificate(
      null,
      { thumbprint: THUMBPRINT, reason: 'lost' },
      context(),
    );
    expect(first).toEqual({ thumbprint: THUMBPRINT, revokedAt: '2026-11-24T12:00:00.000Z' });
    expect(second).toEqual(first);
    expect(entries(world).filter(({ kind }) => kind === 'certificate_revoked')).toHaveLength(1);
    expect(
      await codeOf(Mutation.revokeCertificate(null, { thumbprint: 'short', reason: 'r' }, context())),
    ).toBe('BAD_REQUEST');
  });

  test('unknown services, missing reasons, and services without which nothing could be restored, are refused, and nothing is stored', async () => {
    const world = await openWorld(openStore);
    const { Mutation } = world.resolvers;
    const suspend = (serviceId: string, reason: string) =>
      codeOf(Mutation.suspendService(null, { serviceId, reason }, context()));
    expect(await suspend('nobody', 'r')).toBe('UNKNOWN_SERVICE');
    expect(await suspend('constructor', 'r')).toBe('UNKNOWN_SERVICE');
    expect(await suspend('bff', '  ')).toBe('BAD_REQUEST');
    expect(await suspend('bff', 'x'.repeat(501))).toBe('BAD_REQUEST');
    for (const essential of ['gateway', 'sts', 'admin', 'operator'])
      expect(await suspend(essential, 'r')).toBe('SERVICE_ESSENTIAL');
    expect(await world.admin.states.suspended()).toEqual(new Set());
    expect(world.records).toEqual([]);
  });

  test('a new client secret is told to a caller over mTLS alone, before anything changes', async () => {
    const world = await openWorld(openStore);
    const { Mutation } = world.resolvers;
    world.sent.length = 0;
    const order = { serviceId: 'bff', reason: 'r' };
    expect(await codeOf(Mutation.rotateServiceSecret(null, order, context('client_secret_basic')))).toBe(
      'MTLS_REQUIRED',
    );
    expect(world.sent).toEqual([]);
    world.sts.body = { version: 2, secret: 'new', grace_until: '2026-11-24T13:00:00.000Z' };
    expect(await Mutation.rotateServiceSecret(null, order, context('tls_client_auth'))).toEqual({
      serviceId: 'bff',
      version: 2,
      secret: 'new',
      graceUntil: '2026-11-24T13:00:00.000Z',
    });
    expect(world.sent[0]?.body).toMatchObject({ service_id: 'bff', grace_seconds: 3600, reason: 'r' });
    expect(world.sent[0]).toMatchObject({
      traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`,
      body: { subject: 'operator', actors: 'gateway' },
    });
    world.sts.body = { version: 2, secret: null, grace_until: null };
    expect(await Mutation.rotateServiceSecret(null, { ...order, graceSeconds: 0 }, context())).toMatchObject({
      secret: null,
      graceUntil: '2026-11-24T12:00:00.000Z',
    });
    world.sts = { status: 409, body: { error: 'ROTATION_IN_GRACE' } };
    expect(await codeOf(Mutation.rotateServiceSecret(null, order, context()))).toBe('ROTATION_IN_GRACE');
    world.sts = { status: 401, body: { error: 'invalid_token' } };
    expect(await codeOf(Mutation.rotateServiceSecret(null, order, context()))).toBe('STS_UNAVAILABLE');
  });

  test('policies are reloaded on demand, told to the feed and recorded; bad files are refused with file and line', async () => {
    const world = await openWorld(openStore);
    const { Mutation, Query } = world.resolvers;
    const before = Query.policySet().sha256;
    const file = join(world.folder, 'iam_policies.yaml');
    await writeFile(file, `${await readFile(file, 'utf8')}\n# another line\n`);
    const set = await Mutation.reloadPolicies(null, {}, context());
    expect(set.sha256).not.toBe(before);
    await delivered(world, 2);
    expect(entries(world).map(({ sha256 }) => sha256)).toEqual([before, set.sha256]);
    await writeFile(file, 'version: 1\nroles: { r: { permission: [] } }\n');
    const error: unknown = await Mutation.reloadPolicies(null, {}, context()).catch(
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

describe('questions to the policies', () => {
  async function openQuery() {
    const policies = await openPolicies({ folder: 'policies', clock: createFakeClock(), log: LOG });
    closers.push(() => policies.stop());
    const readSupergraph = () => readFile('gateway/supergraph.graphql', 'utf8');
    const options = { policies, readSupergraph, now: () => 0 } as unknown as Parameters<
      typeof createResolvers
    >[0];
    return createResolvers(options).Query;
  }

  test('roles are shown with what they inherit, allow and deny', async () => {
    const roles = (await openQuery()).roles();
    expect(roles.find(({ name }) => name === 'actuator')).toEqual({
      name: 'actuator',
      inherits: ['sales'],
      permissions: ['leads:write'],
    });
    expect(roles.find(({ name }) => name === 'admin')?.permissions).toContain(
      'deny leads:pii:read unless office_hours',
    );
  });

  test('an action is explained for a service, with rule, place and near misses', async () => {
    const { explainAccess } = await openQuery();
    const ask = async (asked: Parameters<typeof explainAccess>[1]) => (await explainAccess(null, asked))[0];
    expect(await ask({ subject: 'actuator', action: 'leads:read' })).toMatchObject({
      allowed: true,
      rule: 'bff/allow:leads:read',
      rolePath: ['actuator', 'sales', 'bff'],
      coordinate: null,
    });
    const refused = await ask({ subject: 'bff', action: 'leads:pii:read' });
    expect(refused).toMatchObject({ allowed: false, rule: null, location: null });
    expect(refused?.nearMisses[0]).toMatch(
      /^would be allowed to the role sales by sales\/allow:leads:pii:read \(iam_policies.yaml:\d+\)$/,
    );
    expect(
      await ask({ subject: 'operator', action: 'leads:pii:read', context: { time: '2026-11-24T03:00:00Z' } }),
    ).toMatchObject({
      allowed: false,
      rule: 'admin/deny:leads:pii:read',
    });
    expect((await explainAccess(null, { subject: 'nobody' })).every((decision) => !decision.allowed)).toBe(
      true,
    );
    expect(await codeOf(explainAccess(null, { subject: 'bff', context: { time: 'soon' } }))).toBe(
      'BAD_REQUEST',
    );
  });

  test('a document is explained field by field: what each needs, who decides, what would change it', async () => {
    const { explainAccess } = await openQuery();
    const document =
      'query Q { leads { company contact { email } campaign { ...C } nonsense } whoami { subject } } fragment C on Campaign { name spentEuros }';
    const decisions = await explainAccess(null, {
      subject: 'bff',
      document,
      context: { time: '2026-11-24T03:00:00Z' },
    });
    const told = new Map(decisions.map((decision) => [decision.coordinate, decision]));
    expect(told.get('Query.leads')).toMatchObject({
      action: 'leads:read',
      allowed: true,
      rule: 'bff/allow:leads:read',
    });
    expect(told.get('Lead.contact')).toMatchObject({ action: 'leads:pii:read', allowed: false, rule: null });
    expect(told.get('Lead.contact')?.nearMisses[0]).toContain(
      'leads:pii:read would be allowed to the role sales',
    );
    expect(told.get('Contact.email')).toMatchObject({
      allowed: false,
      nearMisses: ['is reached through Lead.contact alone, which is refused'],
    });
    expect(told.get('Campaign.spentEuros')).toMatchObject({ allowed: false });
    expect(told.get('Campaign.spentEuros')?.nearMisses.join()).toContain('the policy office_hours');
    expect(told.get('Query.whoami')).toMatchObject({ action: 'authenticated', allowed: true });
    expect(told.get('Lead.nonsense')).toMatchObject({
      allowed: false,
      nearMisses: ['there is no such field'],
    });
    expect(await codeOf(explainAccess(null, { subject: 'bff', document: '{' }))).toBe('GRAPHQL_PARSE_FAILED');
  });
});
