import { expect, test } from '@jest/globals';
import type { Engine } from '@aduana/server-kit/iam/compile';
import { streamEngineOf } from '../../support/stream-rights.ts';
import { openTestStream } from '../../support/open-test-stream.ts';
import { delegatedOf } from '../../support/stream-world.ts';
import { supergraphOf } from '../../support/supergraph-of.ts';

const DOCUMENT = 'subscription { changed { id name } }';
const CLAIMS = { roles: ['r'], scope: 'a b c' };

const supergraph = supergraphOf({
  items: `type Query { item: Item } type Item @key(fields: "id") { id: ID! }
    type Subscription { changed: Item @requiresScopes(scopes: [["a"], ["b"]]) }`,
  names: 'type Item @key(fields: "id") { id: ID! name: String @requiresScopes(scopes: [["a"], ["b"]]) }',
});

function engineWith(permissions: string): Promise<Engine> {
  return streamEngineOf(`permissions: [a, b, c]\nroles:\n  r: { permissions: [c, ${permissions}] }\n`);
}

async function open(permissions: string) {
  /** The scopes of the tokens with which names were asked for. */
  const asked: (readonly string[])[] = [];
  const { clock, world, feeds, client, sendChange } = await openTestStream({
    supergraph,
    engine: await engineWith(permissions),
    caller: delegatedOf('u', CLAIMS),
    document: DOCUMENT,
    answer({ narrowing }) {
      asked.push(narrowing.scopes);
      return Promise.resolve({ data: { _entities: [{ __typename: 'Item', name: 'n' }] } });
    },
  });
  return {
    feeds,
    client,
    asked,
    /** The scopes of the tokens under which the subgraph's streams were opened, and which of these are closed. */
    upstreams: () =>
      feeds.map(
        ({ request, isClosed }) => `${request.narrowing.scopes.join(' ')}${isClosed ? ' closed' : ''}`,
      ),
    async have(next: string) {
      world.changePolicies(await engineWith(next));
      await clock.advance(0);
    },
    send: (feed: number) => sendChange({ __typename: 'Item', id: '1' }, feeds[feed]),
  };
}

const WHOLE = { data: { changed: { id: '1', name: 'n' } } };

test('where one of two alternatives is withdrawn, the stream goes on under the other one', async () => {
  const { client, have, send, upstreams, asked } = await open('a, b');
  await send(0);
  await have('b');
  expect(upstreams()).toEqual(['a closed', 'b']);
  await send(1);
  expect(client.messages.map(({ value }) => value)).toEqual([WHOLE, WHOLE]);
  expect(asked).toEqual([['a'], ['b']]);
  expect(client.ended).toBeUndefined();
});

test('an event of the old stream is completed under what is left', async () => {
  const { client, have, send, feeds, asked } = await open('a, b');
  const changing = have('b');
  await send(0);
  await changing;
  await send(feeds.length - 1);
  expect(asked.at(-1)).toEqual(['b']);
  expect(client.ended).toBeUndefined();
});

test('where the other alternative is won first, the stream outlives the first one', async () => {
  const { client, have, send, upstreams } = await open('a');
  await have('a, b');
  await have('b');
  expect(upstreams().at(-1)).toBe('b');
  expect(upstreams().filter((one) => !one.endsWith('closed'))).toHaveLength(1);
  await send(upstreams().length - 1);
  expect(client.messages.map(({ value }) => value)).toEqual([WHOLE]);
});

test('where the alternative that was not used is withdrawn, nothing is opened anew', async () => {
  const { have, upstreams } = await open('a, b');
  await have('a');
  expect(upstreams()).toEqual(['a']);
});

test('without an alternative the stream ends', async () => {
  const { have, client, upstreams } = await open('a, b');
  await have('c');
  expect(upstreams()).toEqual(['a closed']);
  expect(client.ended).toMatchObject({ reason: 'refused', code: 'UNAUTHORIZED_FIELD_OR_TYPE' });
});
