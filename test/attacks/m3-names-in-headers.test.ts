import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import { request } from 'undici';
import { headersToSubgraph } from '../../gateway/subgraphs/forward-headers.ts';
import type { HeaderRules } from '../../gateway/supergraph/header-rules.ts';

// The attacker: a user who chooses his own name, at a subgraph that knows users by the header that the gateway sets. The
// header is what the subgraph's server makes of it: blanks around a value are none of it (RFC 9110 section 5.5).
const RULES: HeaderRules = {
  request: new Map(),
  set: new Map([['x-user', { claim: 'sub' }]]),
  response: new Map(),
};

let server: Server;
let url: string;
beforeAll(async () => {
  server = createServer(({ headers }, response) => response.end(headers['x-user']));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
});
afterAll(() => void server.close());

async function seen(sub: string): Promise<string> {
  const headers = headersToSubgraph(RULES, {}, { sub } as AccessTokenClaims);
  return (await request(url, { headers })).body.text();
}

test.each([
  ['josé', 'jos%C3%A9'],
  ['josé', 'jos%c3%a9'],
  ['jos%C3%A9', 'jos%25C3%25A9'],
  ['alice', ' alice'],
  ['alice', 'alice '],
  ['alice', 'alice\t'],
  ['alice', '%61lice'],
  ['alice', 'alice\n'],
  ['a b', 'a%20b'],
])('%j and %j are two', async (one, other) => {
  const [first, second] = [await seen(one), await seen(other)];
  expect(second).not.toBe(first);
  expect([decodeURIComponent(first), decodeURIComponent(second)]).toEqual([one, other]);
});

test.each(['alice', 'auth0|5f2a', 'alice@example.com', 'CN=Ana, O="X"', 'a b'])(
  '%j is sent as it is',
  async (sub) => {
    expect(await seen(sub)).toBe(sub);
  },
);
