import type { CancelSignal } from '@aduana/core/platform/cancellation';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Engine } from '@aduana/server-kit/iam/compile';
import { createFakeClock } from '../../support/fake-clock.ts';
import { streamEngineWith } from '../../support/stream-rights.ts';
import { delegatedOf, openStreamWorld } from '../../support/stream-world.ts';
import { createFeeds } from '../../support/stream-feeds.ts';
import { supergraphOf } from '../../support/supergraph-of.ts';

const START = Date.UTC(2026, 0, 1, 12);
const DOCUMENT =
  '{ item { id ... @defer(label: "price") { price secret ... @defer(label: "stock") { stock } } } }';

const supergraph = supergraphOf({
  items: `type Query { item: Item @requiresScopes(scopes: [["read"]]) }
      type Item @key(fields: "id") { id: ID! secret: String @requiresScopes(scopes: [["secret"]]) }`,
  prices: `type Query { none: Int } type Item @key(fields: "id") { id: ID! price: Int stock: Int }`,
});

let everything: Engine;
beforeAll(async () => {
  everything = await streamEngineWith('read', 'secret');
});

/** An answer whose second subgraph answers when the test says. */
async function open(claims: Parameters<typeof delegatedOf>[1] = {}) {
  const clock = createFakeClock(START);
  const world = openStreamWorld(clock, supergraph, everything);
  const held: { readonly signal: CancelSignal; readonly release: () => void }[] = [];
  const { fetcher } = createFeeds(({ subgraph, body, signal }) => {
    if (subgraph === 'items' && body.includes('{item{'))
      return Promise.resolve({ data: { item: { __typename: 'Item', id: '1' } } });
    const entity = { __typename: 'Item', price: 7, stock: 3, secret: 's' };
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => {
        reject(signal.reason instanceof Error ? signal.reason : new Error('no reason'));
      });
      held.push({ signal: signal, release: () => { resolve({ data: { _entities: [entity] } }); } }); // prettier-ignore
    });
  });
  const delegated = delegatedOf('a', { roles: ['r'], scope: 'read secret', ...claims });
  const { sink, body } = await world.askInParts(delegated, DOCUMENT, fetcher);
  const release = async (): Promise<void> => {
    for (const one of held.splice(0)) one.release();
    await clock.advance(0);
  };
  const start = async (): Promise<void> => {
    body.start(sink);
    await clock.advance(0);
  };
  const parts = (): unknown[] =>
    sink.text
      .split('--graphql')
      .flatMap((part) => (part.includes('{') ? [JSON.parse(part.slice(part.indexOf('{'))) as unknown] : []));
  return { clock, world, sink, body, held, release, start, parts };
}

const FIRST = { data: { item: { id: '1' } }, hasNext: true };

describe('an answer in parts', () => {
  test('its bytes are those that the clients of deferSpec=20220824 read, the first part before all others', async () => {
    const { sink, start, release } = await open();
    await start();
    expect(sink.text).toBe(
      '\r\n--graphql\r\nContent-Type: application/json; charset=utf-8\r\n\r\n{"data":{"item":{"id":"1"}},"hasNext":true}\r\n--graphql',
    );
    const before = sink.text.length;
    await release();
    await release();
    expect(sink.text.slice(before)).toBe(
      '\r\nContent-Type: application/json; charset=utf-8\r\n\r\n{"incremental":[{"data":{"price":7,"secret":"s"},"path":["item"],"label":"price"}],"hasNext":true}\r\n--graphql' +
        '\r\nContent-Type: application/json; charset=utf-8\r\n\r\n{"incremental":[{"data":{"stock":3},"path":["item"],"label":"stock"}],"hasNext":false}\r\n--graphql--\r\n',
    );
    expect(sink).toMatchObject({ isEnded: true });
  });

  test('a field that is lost before its part leaves is null in it, though the subgraph answered it', async () => {
    const { world, start, release, parts } = await open();
    await start();
    world.changePolicies(await streamEngineWith('read'));
    await release();
    expect(parts()[1]).toEqual({
      incremental: [
        {
          data: { price: 7, secret: null },
          path: ['item'],
          label: 'price',
          errors: [
            {
              message: 'Unauthorized field or type',
              path: ['item', 'secret'],
              extensions: { code: 'UNAUTHORIZED_FIELD_OR_TYPE' },
            },
          ],
        },
      ],
      hasNext: true,
    });
  });

  test.each([
    ['a token', 'token', 'jti-a'],
    ['a subject', 'subject', 'a'],
    ['a certificate', 'certificate', 'certificate-a'],
  ])('%s that is revoked ends it at once, and what comes later stays unsent', async (_name, kind, name) => {
    const { world, start, release, parts, sink, clock, held } = await open();
    await start();
    const [fetch] = held;
    world.status.end(kind, name);
    await clock.advance(0);
    expect(sink).toMatchObject({ isEnded: true });
    expect(fetch?.signal.aborted).toBe(true);
    await release();
    expect(parts()).toEqual([
      FIRST,
      { errors: [{ message: 'Valid credentials are required', extensions: { code: 'UNAUTHENTICATED' } }], hasNext: false },
    ]);
    expect(sink.text.endsWith('--graphql--\r\n')).toBe(true);
  }); // prettier-ignore

  test('a caller who may see nothing of it any more gets no other part, and so one whose token has ended', async () => {
    const refused = await open();
    await refused.start();
    refused.world.changePolicies(await streamEngineWith('secret'));
    await refused.clock.advance(0);
    expect(refused.parts()[1]).toMatchObject({
      errors: [{ extensions: { code: 'UNAUTHORIZED_FIELD_OR_TYPE' } }],
      hasNext: false,
    });
    const expired = await open({ exp: START / 1000 + 2 });
    await expired.start();
    await expired.clock.advance(2_500);
    expect(expired.parts()[1]).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
  });

  test('a client that leaves ends what is under way', async () => {
    const { start, sink, held } = await open();
    await start();
    sink.close();
    expect(held.map(({ signal }) => signal.aborted)).toEqual([true, true]);
  });

  test('one that is not sent asks for nothing more', async () => {
    const { body, held } = await open();
    body.cancel();
    expect(held).toEqual([]);
  });

  test('a subgraph that never answers leaves null and its code when the time of the operation is up', async () => {
    const { start, clock, parts, sink } = await open();
    await start();
    await clock.advance(5_000);
    expect(parts()[1]).toMatchObject({
      incremental: [
        { data: { price: null }, errors: [{ extensions: { code: 'SUBGRAPH_UNAVAILABLE' } }, {}] },
      ],
    });
    expect(parts().at(-1)).toMatchObject({ hasNext: false });
    expect(sink).toMatchObject({ isEnded: true });
  });

  test('a gateway that stops lets it come to its end', async () => {
    const { world, start, release, parts } = await open();
    await start();
    await world.streams.close();
    await release();
    await release();
    expect(parts()).toHaveLength(3);
  });
});
