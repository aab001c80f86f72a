import { cp, readFile } from 'node:fs/promises';
import type { AuditRecord } from '@aduana/client/audit/audit-event';
import { SecurityError } from '@aduana/core/errors/security-error';
import { Secret } from '@aduana/core/secrets/secret';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import { type LivePolicies, openPolicies } from '@aduana/server-kit/iam/live-policies';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import { afterEach } from '@jest/globals';
import { MIGRATIONS } from '../../subgraphs/admin/migrations.ts';
import { openAdmin, type OpenAdmin } from '../../subgraphs/admin/open-admin.ts';
import { createResolvers } from '../../subgraphs/admin/resolvers.ts';
import type { SubgraphContext } from '../../subgraphs/subgraph-route.ts';
import { createFakeClock } from './fake-clock.ts';
import { createMemorySecrets } from './memory-secrets.ts';
import { policyFolder } from './policy-folder.ts';
import type { OpenStore, TestStore } from './stores.ts';
import { until } from './until.ts';

export const LOG = createLog('silent', () => undefined);
export const ISSUER = 'https://localhost:8011';

/** One home for all starts: the rows of one store are sealed under its key. */
export const SECRETS_OF_ADMIN = createMemorySecrets();
/** Run after each test. */
export const closers: (() => Promise<void>)[] = [];
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

export interface AdminWorld {
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
export function emptied(openStore: OpenStore): () => Promise<TestStore> {
  let store: Promise<TestStore> | undefined;
  return async () => {
    store ??= openStore('admin', MIGRATIONS);
    const { superuser } = await store;
    await superuser.query(
      'TRUNCATE service_states, certificate_revocations, subject_revocations, policy_versions, outbox, shared_secrets',
    );
    return store;
  };
}

export async function openAdminWorld(
  openStore: () => Promise<TestStore>,
  known?: TestStore,
  secrets = SECRETS_OF_ADMIN,
): Promise<AdminWorld> {
  const folder = await policyFolder({});
  await cp('policies', folder, { recursive: true });
  const clock = createFakeClock('2026-11-24T12:00:00Z');
  const policies = await openPolicies({ folder, clock, log: LOG });
  const store = known ?? (await openStore());
  const world = {
    sent: [] as Sent[],
    records: [] as AuditRecord[],
    sts: { status: 200, body: { accepted: 1 } } as AdminWorld['sts'],
  };
  const admin = await openAdmin({
    certsDir: 'certs',
    policies,
    audit: {
      record: (record) => {
        world.records.push(record);
        return Promise.resolve('id');
      },
    },
    platform: { clock, log: LOG, metrics: createMetrics(), secrets, openStore: () => Promise.resolve(store) },
    connections: {
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
    } as Parameters<typeof openAdmin>[0]['connections'],
  });
  closers.push(async () => {
    await admin.close();
    await policies.stop();
  });
  const resolvers = createResolvers({
    ...admin,
    issuer: ISSUER,
    readSupergraph: () => readFile('gateway/supergraph.graphql', 'utf8'),
    now: () => clock.now(),
  });
  return Object.assign(world, { admin, policies, folder, resolvers, clock, store });
}

/** Of the operator's request through the gateway. */
export function operatorContext(amr = 'x509_svid'): SubgraphContext {
  const claims = {
    sub: 'operator',
    client_id: 'operator',
    amr: [amr],
    sub_kind: 'service',
    roles: ['admin'],
    act: { sub: 'gateway' },
  } as unknown as AccessTokenClaims;
  const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: false };
  const credential = Secret.of('token-of-the-operator');
  return { token: { claims, kid: 'k', scopes: new Set() }, credential, trace } as unknown as SubgraphContext;
}

/** What the status feed was told. */
export const entriesOf = ({ sent }: AdminWorld) =>
  sent.filter(({ path }) => path === '/sts/status').flatMap(({ body }) => body.entries ?? []);
/** Lets time pass until the feed has been told so much: the store takes real time. */
export const delivered = (world: AdminWorld, count: number): Promise<void> =>
  until(() => entriesOf(world).length >= count, () => world.clock.advance(2_000)); // prettier-ignore

/** The code that an answer is refused with; `ok` where it is none. */
export const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error: unknown) => (error instanceof SecurityError ? error.code : String(error)),
  );
