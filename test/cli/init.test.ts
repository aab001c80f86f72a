import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { compile } from '@aduana/server-kit/iam/compile';
import { loadPolicies } from '@aduana/server-kit/iam/load-policies';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createInstallation } from '../../cli/init/create-installation.ts';
import { parseSupergraphConfig } from '../../gateway/supergraph/supergraph-config.ts';
import { composeSupergraph } from '../../gateway/supergraph/compose-supergraph.ts';
import { createFakeClock } from '../support/fake-clock.ts';

const LINK =
  'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@requiresScopes", "@policy"])\n';
const PRODUCTS = `${LINK}
  type Query { products: [Product!]! @requiresScopes(scopes: [["products:read"]]) }
  type Product @key(fields: "id") { id: ID! price: Int @policy(policies: [["pricing"]]) stock: Int }`;
const REVIEWS = `${LINK}
  type Product @key(fields: "id") { id: ID! reviews: [String!] @requiresScopes(scopes: [["reviews:read all"]]) }`;
const VARIABLES = { STS_PORT: '8011', AUDIT_PORT: '8012', ADMIN_PORT: '8013' };

let folder: string;
const servers: Server[] = [];
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'aduana-init-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
  for (const server of servers.splice(0)) server.close();
});

const inFolder = (file: string): string => path.join(folder, file);
const textOf = (file: string): Promise<string> => readFile(inFolder(file), 'utf8');

async function init(from: readonly string[] = [], isDryRun = false): Promise<string> {
  const printed: string[] = [];
  const context = {
    environment: {},
    clock: createFakeClock(),
    log: createLog('silent', () => undefined),
    print: (line: string) => void printed.push(line),
    printError: (line: string) => void printed.push(line),
  };
  await createInstallation({ folder, from, isDryRun }, context);
  return printed.join('\n');
}

/** Somebody's subgraph, which answers every request with this text. */
async function serve(text: string): Promise<string> {
  const server = createServer((_request, response) => response.end(text));
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/graphql`;
}

const serveSdl = (sdl: string): Promise<string> => serve(JSON.stringify({ data: { _service: { sdl } } }));

async function saved(name: string, text: string): Promise<string> {
  await writeFile(inFolder(name), text);
  return inFolder(name);
}

function composed(): string {
  const composition = composeSupergraph([
    { name: 'products', url: 'https://products.example/graphql', sdl: PRODUCTS, origin: 'products' },
    { name: 'reviews', url: 'https://reviews.example/graphql', sdl: REVIEWS, origin: 'reviews' },
  ]);
  if (!composition.ok) throw new Error(JSON.stringify(composition.problems));
  return composition.sdl;
}

async function configured() {
  const { subgraphs } = parseSupergraphConfig(await textOf('supergraph.yaml'), 'supergraph.yaml', {
    variables: VARIABLES,
    allowPlainLoopback: true,
  });
  return subgraphs;
}

describe('from nothing', () => {
  test('a graph to play with is written, with policies that load and settings that are closed by default', async () => {
    const printed = await init();
    expect(printed).toMatch(/Query\.notes +authenticated/);
    expect(compile(await loadPolicies(inFolder('policies'))).services.get('notes')?.spiffeId).toBe(
      'spiffe://aduana.local/notes',
    );
    expect(await textOf('.env')).toContain('UNGUARDED_FIELDS=deny\n');
    expect([...(await configured()).keys()]).toEqual(['sts', 'audit', 'admin', 'notes']);
    expect(await textOf('.gitignore')).toContain('.aduana/');
  });

  test('a second run changes nothing', async () => {
    await init();
    const before = await Promise.all(
      (await readdir(folder)).filter((name) => name.includes('.')).map(textOf),
    );
    expect(await init()).not.toMatch(/^written/m);
    expect(
      await Promise.all((await readdir(folder)).filter((name) => name.includes('.')).map(textOf)),
    ).toEqual(before);
  });

  test('a file that is there is kept, whatever it holds', async () => {
    await saved('.env', 'MINE=1\n');
    expect(await init()).toMatch(/^kept +\.env$/m);
    expect(await textOf('.env')).toBe('MINE=1\n');
  });

  test('--dry-run tells what would be written, and writes nothing', async () => {
    expect(await init([], true)).toMatch(/^would be written +supergraph\.yaml$/m);
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('from running subgraphs', () => {
  test('each is registered, and each scope and policy becomes a role that nobody holds', async () => {
    const [products, reviews] = [await serveSdl(PRODUCTS), await serveSdl(REVIEWS)];
    const printed = await init([`products=${products}`, `reviews=${reviews}`]);
    const engine = compile(await loadPolicies(inFolder('policies')));
    expect(engine.services.get('products')?.roles).toEqual(['subgraph']);
    expect(engine.catalogue.has('products:read')).toBe(true);
    expect([...engine.services.values()].filter(({ roles }) => roles.includes('products_read'))).toEqual([]);
    expect(engine.policies.has('pricing')).toBe(true);
    expect(printed).toContain('the scope "reviews:read all" is no permission: no role can grant it');
    expect(printed).toMatch(/Query\.products +.*products:read/);
    expect((await configured()).get('products')?.url).toBe(products);
    expect(await textOf('supergraph.graphql')).toContain('PRODUCTS');
  });

  test.each([
    [
      'one that is not there',
      'a=http://127.0.0.1:9/graphql',
      /does not answer .* at http:\/\/127\.0\.0\.1:9/,
    ],
    ['a name of Aduana', 'sts=http://127.0.0.1:9/graphql', /is the name of a subgraph of Aduana/],
    ['credentials in a URL', 'a=http://u:p@127.0.0.1:9/graphql', /has no usable URL/],
    ['a word', 'products', /neither name=URL nor a \.graphql or \.yaml file/],
  ])('%s is refused with its remedy, and nothing is written', async (_, from, problem) => {
    await expect(init([from])).rejects.toMatchObject({
      problems: [{ problem: expect.stringMatching(problem), remedy: expect.stringMatching(/\w/) }],
    });
    expect(await readdir(folder)).toEqual([]);
  });

  test('an answer that is no SDL is refused, and none of it is repeated', async () => {
    const url = await serve('<html>secret</html>');
    const failure = (await init([`a=${url}`]).catch((error: unknown) => error)) as { problems: unknown };
    expect(JSON.stringify(failure.problems)).toContain('answered no SDL');
    expect(JSON.stringify(failure.problems)).not.toContain('secret');
  });

  test('subgraphs that do not compose leave nothing half-written', async () => {
    const [one, two] = [await serveSdl('type Query { a: Int }'), await serveSdl('type Query { a: String }')];
    await expect(init([`one=${one}`, `two=${two}`])).rejects.toThrow(/nothing was written/);
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('from a composed supergraph', () => {
  test('it is served as it is, its subgraphs registered', async () => {
    const sdl = composed();
    const file = await saved('theirs.graphql', sdl);
    await init([file]);
    expect(await textOf('supergraph.graphql')).toBe(sdl);
    const engine = compile(await loadPolicies(inFolder('policies')));
    expect(engine.services.has('reviews')).toBe(true);
  });

  test('a URL that would be expanded is refused: what is secret here would be sent there', async () => {
    const sdl = composed().replace('https://products.example/graphql', 'https://evil.example/${VAULT_TOKEN}');
    await expect(init([await saved('theirs.graphql', sdl)])).rejects.toMatchObject({
      problems: [{ problem: expect.stringMatching(/has a URL with/) }],
    });
    expect(existsSync(inFolder('supergraph.yaml'))).toBe(false);
  });

  test('names of settings reach the terminal without control characters', async () => {
    await saved('theirs.graphql', composed());
    await saved('router.yaml', 'headers: {}\n"\\e]0;owned\\a": { a: 1 }\n');
    const printed = await init([inFolder('router.yaml'), inFolder('theirs.graphql')]);
    expect(printed).toContain('?]0;owned?');
    expect(printed).not.toMatch(/(?!\n)\p{Cc}/u);
  });

  test('a file that is no supergraph is refused', async () => {
    const file = await saved('theirs.graphql', 'type Query { a: Int }');
    await expect(init([file])).rejects.toMatchObject({
      problems: [{ problem: expect.stringMatching(/is no supergraph that can be served/) }],
    });
    expect(existsSync(inFolder('supergraph.yaml'))).toBe(false);
  });
});

describe('from an Apollo Router', () => {
  const ROUTER = `
supergraph: { listen: 127.0.0.1:4100, introspection: false }
cors: { origins: [https://studio.apollographql.com] }
limits: { max_depth: 12, parser_max_tokens: 900, parser_max_recursion: 50 }
authentication:
  router: { jwt: { jwks: [{ url: https://idp.example.com/jwks, issuer: https://idp.example.com, audiences: [shop], algorithms: [ES256] }, { url: https://other.example.com/jwks }] } }
traffic_shaping: { all: { timeout: 3s }, subgraphs: { reviews: { timeout: 1500ms } } }
headers:
  all: { request: [{ propagate: { named: accept-language } }, { propagate: { named: authorization } }, { propagate: { matching: ^x- } }] }
  subgraphs: { reviews: { request: [{ insert: { name: x-from, value: gateway } }] } }
override_subgraph_url: { products: https://products.internal/graphql }
subscription: { enabled: true, queue_capacity: 9, mode: { passthrough: { all: { protocol: graphql_transport_ws }, subgraphs: { reviews: { path: /ws, protocol: graphql_ws, heartbeat_interval: 9s } } } } }
coprocessor: { url: http://127.0.0.1:8081 }
made_up: { setting: 1 }
`;

  test('its settings become ours', async () => {
    await init([await saved('router.yaml', ROUTER), await saved('theirs.graphql', composed())]);
    const env = await textOf('.env');
    for (const line of ['GATEWAY_HTTP_PORT=4100', 'INTROSPECTION=off', 'LIMIT_DEPTH=12', 'LIMIT_TOKENS=900'])
      expect(env).toContain(`\n${line}\n`);
    expect(env).toContain('\nALLOWED_ORIGINS=https://studio.apollographql.com\n');
    const text = await textOf('supergraph.yaml');
    expect(text).toMatch(/products:\n +routing_url: https:\/\/products\.internal\/graphql/);
    expect(text).toMatch(/timeout_ms: 3000/);
    expect(text).toMatch(/timeout_ms: 1500/);
    expect(text).toMatch(/headers: ?\n? *(- |\[)accept-language/);
    expect(text).toContain('x-from');
    expect(text).toMatch(/reviews:[^]*subscriptions:\s+protocol: graphql_ws\s+path: \/ws/);
    expect(text.match(/subscriptions:/g)).toHaveLength(1);
    expect(text).not.toContain('authorization');
    const { issuers } = compile(await loadPolicies(inFolder('policies')));
    expect([...issuers.keys()]).toEqual(['https://idp.example.com']);
  });

  test('nothing of it is dropped in silence', async () => {
    const printed = await init([
      await saved('router.yaml', ROUTER),
      await saved('theirs.graphql', composed()),
    ]);
    expect(printed).toMatch(/headers\.all\.request: authorization: only the gateway sets this header/);
    expect(printed).toMatch(/list those that match \^x-/);
    expect(printed).toMatch(
      /limits\.parser_max_recursion: the depth of a document is bounded by LIMIT_DEPTH/,
    );
    expect(printed).toMatch(/authentication\.router\.jwt\.jwks\.1: write issuer and audience/);
    expect(printed).toMatch(
      /passthrough\.all\.protocol of products: subscriptions-transport-ws is not spoken/,
    );
    expect(printed).toMatch(/heartbeat_interval: a quiet WebSocket is pinged/);
    expect(printed).toMatch(/subscription\.queue_capacity: subscriptions are configured/);
    expect(printed).not.toContain('subscription.enabled');
    expect(printed).toMatch(/coprocessor: code outside the gateway does not decide/);
    expect(printed).toMatch(/made_up: aduana init does not know this setting/);
  });

  test('a value that looks like a secret is neither written nor printed', async () => {
    await saved(
      'router.yaml',
      'headers: { all: { request: [{ insert: { name: x-api-key, value: hunter2 } }, { insert: { name: x-region, value: eu } }] } }',
    );
    await saved('supergraph.graphql', composed());
    const printed = await init([inFolder('router.yaml'), inFolder('supergraph.graphql')]);
    expect(printed).toMatch(/x-api-key: its value looks like a secret/);
    const written = await textOf('supergraph.yaml');
    expect([written.includes('x-region'), (written + printed).includes('hunter2')]).toEqual([true, false]);
  });

  test('without its supergraph it is refused with the remedy', async () => {
    await expect(init([await saved('router.yaml', ROUTER)])).rejects.toMatchObject({
      problems: [{ remedy: expect.stringMatching(/--from supergraph\.graphql/) }],
    });
  });
});

test('the values of a Hive Gateway become ours', async () => {
  const hive = `
supergraph: ./theirs.graphql
port: 4200
maxTokens: 800
maxDepth: { n: 9 }
jwt: { signingKeyProviders: [{ jwksUri: https://idp.example.com/jwks }], tokenVerification: { issuer: https://idp.example.com, audience: shop } }
transportEntries: { reviews: { location: https://reviews.internal/graphql, options: { timeout: 2000 } } }
rateLimiting: { window: 1m }
`;
  const printed = await init([
    await saved('gateway.config.yaml', hive),
    await saved('theirs.graphql', composed()),
  ]);
  const env = await textOf('.env');
  for (const line of ['GATEWAY_HTTP_PORT=4200', 'LIMIT_TOKENS=800', 'LIMIT_DEPTH=9'])
    expect(env).toContain(line);
  expect(await textOf('supergraph.yaml')).toMatch(/reviews\.internal[^]*timeout_ms: 2000/);
  expect([...compile(await loadPolicies(inFolder('policies'))).issuers.keys()]).toEqual([
    'https://idp.example.com',
  ]);
  expect(printed).toMatch(/rateLimiting: set RATE_LIMIT_PER_MINUTE/);
});
