import { expect, test } from '@jest/globals';
import { composeSupergraph } from '../../gateway/supergraph/compose-supergraph.ts';
import { loadSupergraph } from '../../gateway/supergraph/load-supergraph.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { FEDERATION_LINK } from '../support/guarded-federation.ts';
import { engineOf } from '../support/policy-folder.ts';
import { createFeeds, delegatedOf, openStreamWorld } from '../support/stream-world.ts';

const START = Date.UTC(2026, 0, 1, 12);

/** A service whose copy of the status feed is too old answers nothing (SECURITY.md, 5): a stream included. */
test('an open stream ends once the status feed has not been read for too long, though nothing tells it', async () => {
  const composed = composeSupergraph([
    {
      name: 'items',
      url: 'https://localhost/items',
      origin: 'items',
      sdl: `${FEDERATION_LINK} type Query { n: Int } type Subscription { n: Int @requiresScopes(scopes: [["read"]]) }`,
    },
  ]);
  if (!composed.ok) throw new TypeError(JSON.stringify(composed.problems));
  const engine = await engineOf(`permissions: [read]\nroles:\n  r: { permissions: [read] }\n`, {
    'trusted_issuers.yaml':
      'version: 1\nissuers:\n  - { issuer: "https://users.example", jwks_uri: "https://users.example/jwks", algorithms: [ES256], audience: a, claims: { groups: { g: r } } }\n',
    'service_identities.yaml':
      'version: 1\nservices:\n  bff: { spiffe_id: "spiffe://aduana.local/bff", authentication: [tls_client_auth] }\n',
  });
  const clock = createFakeClock(START);
  const world = openStreamWorld(clock, loadSupergraph(composed.sdl), engine);
  const { feeds, fetcher } = createFeeds();
  const caller = delegatedOf('a', { roles: ['r'], scope: 'read' });
  const { client } = await world.open(caller, 'subscription { n }', fetcher);
  world.status.state.isFresh = false; // the STS is away: no entry comes that would wake anybody
  await clock.advance(180_000);
  feeds[0]?.listener.onResult({ data: { n: 1 } }, 10);
  await clock.advance(0);
  expect(client.messages).toEqual([]);
  expect(client.ended).toMatchObject({ reason: 'failed', code: 'STATUS_UNAVAILABLE' });
});
