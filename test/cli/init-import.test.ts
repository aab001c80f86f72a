import { compile } from '@aduana/server-kit/iam/compile';
import { loadPolicies } from '@aduana/server-kit/iam/load-policies';
import { describe, expect, test } from '@jest/globals';
import { composed, inFolder, init, saved, textOf } from '../support/initialized-folder.ts';

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
