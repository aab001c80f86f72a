import { expect, test } from '@jest/globals';
import type { Engine } from '@aduana/server-kit/iam/compile';
import { createFakeClock } from '../../support/fake-clock.ts';
import { engineOf } from '../../support/policy-folder.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { delegatedOf, openStreamWorld } from '../../support/stream-world.ts';
import { type ClientSide } from '../../support/stream-clients.ts';
import { createFeeds } from '../../support/stream-feeds.ts';
import { supergraphOf } from '../../support/supergraph-of.ts';

/** `npm run test:leaks` has 1,000. */
const LOSSES = Number(process.env['STREAM_LOSSES'] ?? 80);
const SEED = Number(process.env['STREAM_SEED'] ?? 17);
const ALLOWED_MS = 2_000;
const ROLES = 8;
const DOCUMENT = 'subscription { changed { n secret windowed recent price } }';
const SCOPES = 'items:read items:secret items:price';
const FIELDS = ['secret', 'windowed', 'recent', 'price'] as const;

const supergraph = supergraphOf({
  items: `type Query { item: Item } type Subscription { changed: Item @requiresScopes(scopes: [["items:read"]]) }
      type Item @key(fields: "id") { id: ID! n: Int secret: String @requiresScopes(scopes: [["items:secret"]]) windowed: String @policy(policies: [["hours"]]) recent: String @policy(policies: [["recent"]]) }`,
  prices: `type Query { none: Int } type Item @key(fields: "id") { id: ID! price: Int @requiresScopes(scopes: [["items:price"]]) }`,
});

/** What each role may do, at one moment. */
type Rights = readonly (readonly string[])[];

const ISSUERS = `version: 1
issuers:
  - { issuer: "https://users.example", jwks_uri: "https://users.example/jwks", algorithms: [ES256], audience: a, claims: { groups: { ${Array.from({ length: ROLES }, (_, role) => `g${String(role)}: r${String(role)}`).join(', ')} } } }
`;
const SERVICES = `version: 1
services:
  bff: { spiffe_id: "spiffe://aduana.local/bff", authentication: [tls_client_auth] }
`;

/** The window closes with the second minute of the day. */
function engineFor(rights: Rights): Promise<Engine> {
  const roles = rights.map(
    (held, role) => `  r${String(role)}: { permissions: [${['items:nothing', ...held].join(', ')}] }`,
  );
  return engineOf(
    `permissions: [items:read, items:secret, items:price, items:nothing]
conditions:
  hours: { time: { zone: UTC, from: "00:00", to: "00:02" } }
  recent: { max_age_seconds: 100 }
roles:
${roles.join('\n')}
policies:
  hours: { when: [hours] }
  recent: { when: [recent] }
`,
    { 'trusted_issuers.yaml': ISSUERS, 'service_identities.yaml': SERVICES },
  );
}

/** When a caller lost what: the oracle knows it from the script, not from the gateway. */
interface Script {
  readonly role: number;
  readonly client: ClientSide;
  /** Fields from when on they are lost; `end`: everything. */
  readonly lost: Map<string, number>;
}

interface Tally {
  messages: number;
  leaked: number;
  early: number;
  slowestEndMs: number;
  losses: number;
}

/** One gateway, some callers, and 150 seconds of messages and losses at random moments. */
async function run(seed: number, losses: number, tally: Tally): Promise<void> {
  const random = createSeededRandom(seed);
  const clock = createFakeClock(Date.UTC(2026, 0, 1));
  const below = (limit: number): number => Math.floor(random() * limit);
  let rights: string[][] = Array.from({ length: ROLES }, () => ['items:read', 'items:secret', 'items:price']);
  const world = openStreamWorld(clock, supergraph, await engineFor(rights));
  const { feeds, fetcher } = createFeeds(async ({ body }) => {
    await clock.sleep(below(400)); // rights may change meanwhile
    const { variables } = JSON.parse(body) as { variables: { representations: unknown[] } };
    return { data: { _entities: variables.representations.map(() => ({ __typename: 'Item', price: 7 })) } };
  });
  const scripts: Script[] = [];
  const start = clock.now();
  for (let index = 0; index < losses; index += 1) {
    const name = `c${String(index)}`;
    const role = below(ROLES);
    const expires = index % 6 === 0;
    const exp = expires ? Math.floor(start / 1000) + 10 + below(130) : 9e9;
    const login = Math.floor(start / 1000) - below(100);
    const delegated = delegatedOf(name, {
      roles: [`r${String(role)}`],
      scope: SCOPES,
      exp,
      auth_time: login,
    });
    const { client } = await world.open(delegated, DOCUMENT, fetcher);
    const lost = new Map([
      ['windowed', start + 120_000],
      ['recent', (login + 100) * 1000 + 1],
    ]);
    if (expires) {
      lost.set('end', exp * 1000);
      tally.losses += 1;
    }
    scripts.push({ role, client, lost });
  }
  const until = start + 150_000;
  const pace = 150_000 / losses;
  for (let index = 0; clock.now() < until; index += 1) {
    const steps = 1 + below(4);
    for (let step = 0; step < steps; step += 1) {
      for (const { listener, isClosed } of feeds) {
        if (isClosed || random() > 0.3) continue;
        const changed = {
          __typename: 'Item',
          id: '1',
          n: below(1e6),
          secret: 's',
          windowed: 'w',
          recent: 'r',
        };
        listener.onResult({ data: { changed } }, 100);
      }
      await clock.advance(Math.ceil((pace * random() * 2) / steps));
    }
    if (index < losses) await lose(index);
  }
  await clock.advance(5_000);
  for (const script of scripts) judge(script, tally);
  await world.streams.close();

  async function lose(index: number): Promise<void> {
    const script = scripts[index];
    if (script === undefined || script.lost.has('end')) return;
    tally.losses += 1; // of a role's right: of all who have the role
    const kinds = ['token', 'subject', 'certificate', 'key', 'policies'] as const;
    const kind = kinds[index % kinds.length] ?? 'token';
    if (kind === 'policies') {
      const field = (['secret', 'price', 'read'] as const)[below(3)] ?? 'secret';
      rights = rights.map((held, role) =>
        role === script.role ? held.filter((one) => one !== `items:${field}`) : held,
      );
      world.changePolicies(await engineFor(rights));
      for (const one of scripts)
        if (one.role === script.role) noteLoss(one, field === 'read' ? 'end' : field);
      return;
    }
    const name = `c${String(index)}`;
    world.status.end(
      kind,
      { token: `jti-${name}`, subject: name, certificate: `certificate-${name}`, key: `kid-${name}` }[kind],
    );
    noteLoss(script, 'end');
  }

  function noteLoss({ lost }: Script, what: string): void {
    const at = clock.now();
    if ((lost.get(what) ?? Infinity) > at) lost.set(what, at);
  }
}

function judge({ client, lost }: Script, tally: Tally): void {
  const endAt = lost.get('end') ?? Infinity;
  for (const { at, value } of client.messages) {
    tally.messages += 1;
    const changed = value.data?.['changed'] as Record<string, unknown> | null | undefined;
    const isLate = (what: string): boolean => at > (lost.get(what) ?? Infinity) + ALLOWED_MS;
    if (at > endAt + ALLOWED_MS) tally.leaked += 1;
    else if (FIELDS.some((field) => isLate(field) && changed?.[field] != null)) tally.leaked += 1;
    const mayHave = FIELDS.filter((field) => at < (lost.get(field) ?? Infinity) && at < endAt);
    if (mayHave.some((field) => changed?.[field] == null)) tally.early += 1;
  }
  if (endAt === Infinity) return;
  const took = (client.ended?.at ?? Infinity) - endAt;
  tally.slowestEndMs = Math.max(tally.slowestEndMs, took);
}

test('no message has a field that its caller has lost, and none comes after the end', async () => {
  const tally: Tally = { messages: 0, leaked: 0, early: 0, slowestEndMs: 0, losses: 0 };
  for (let round = 0; round * 160 < LOSSES; round += 1)
    await run(SEED + round, Math.min(160, LOSSES - round * 160), tally);
  process.stdout.write(
    `${String(tally.leaked)} of ${String(tally.messages)} messages leaked, slowest end ${String(tally.slowestEndMs)} ms (${String(tally.losses)} losses)\n`,
  );
  expect(tally).toMatchObject({ leaked: 0, early: 0 });
  expect(tally.messages).toBeGreaterThan(LOSSES);
  expect(tally.slowestEndMs).toBeLessThanOrEqual(ALLOWED_MS);
}, 600_000);
