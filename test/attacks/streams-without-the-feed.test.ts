import { expect, test } from '@jest/globals';
import { createFakeClock } from '../support/fake-clock.ts';
import { streamEngineWith } from '../support/stream-rights.ts';
import { delegatedOf, openStreamWorld } from '../support/stream-world.ts';
import { createFeeds } from '../support/stream-feeds.ts';
import { supergraphOf } from '../support/supergraph-of.ts';

const START = Date.UTC(2026, 0, 1, 12);

/** A service whose copy of the status feed is too old answers nothing (SECURITY.md, 5): a stream included. */
test('an open stream ends once the status feed has not been read for too long, though nothing tells it', async () => {
  const supergraph = supergraphOf({
    items: 'type Query { n: Int } type Subscription { n: Int @requiresScopes(scopes: [["read"]]) }',
  });
  const clock = createFakeClock(START);
  const world = openStreamWorld(clock, supergraph, await streamEngineWith('read'));
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
