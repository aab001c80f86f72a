import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Engine } from '@aduana/server-kit/iam/compile';
import type { UpstreamListener } from '../../../gateway/subgraphs/upstream.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { streamEngineWith } from '../../support/stream-rights.ts';
import { openTestStream } from '../../support/open-test-stream.ts';
import { delegatedOf, openStreamWorld } from '../../support/stream-world.ts';
import { createFeeds } from '../../support/stream-feeds.ts';
import { supergraphOf } from '../../support/supergraph-of.ts';

const DOCUMENT = 'subscription { changed { n secret } }';
const START = Date.UTC(2026, 0, 1, 12);

const SUBGRAPHS = {
  items: `type Query { item: Item } type Item { n: Int secret: String @requiresScopes(scopes: [["secret"]]) }
      type Subscription { changed: Item @requiresScopes(scopes: [["read"]]) }`,
};
const supergraph = supergraphOf(SUBGRAPHS);

let everything: Engine;
let withoutSecret: Engine;
beforeAll(async () => {
  everything = await streamEngineWith('read', 'secret');
  withoutSecret = await streamEngineWith('read');
});

const CLAIMS = { roles: ['r'], scope: 'read secret' };

async function open(more: Parameters<typeof openStreamWorld>[3] = {}, engine = everything) {
  const caller = delegatedOf('a', CLAIMS);
  const stream = await openTestStream({ supergraph, engine, caller, document: DOCUMENT, more });
  const { world, feeds, sendChange } = stream;
  const send = (n: number, feed = feeds[0]): Promise<void> => sendChange({ n, secret: 's' }, feed);
  return { ...stream, send, typesOf: () => world.state.records.map(({ type }) => type) };
}

describe('a stream', () => {
  test('its messages are recorded by their numbers, at most once a second, and its end with their total', async () => {
    const { clock, world, send, feeds, id } = await open();
    for (let n = 1; n <= 5; n += 1) await send(n);
    await clock.advance(1_000);
    await send(6);
    feeds[0]?.listener.onComplete();
    await clock.advance(0);
    expect(world.state.records.map(({ type, detail }) => ({ type, detail }))).toEqual([
      { type: 'stream.messages', detail: { stream: id, first: 1, last: 5, nulled: 0 } },
      { type: 'stream.messages', detail: { stream: id, first: 6, last: 6, nulled: 0 } },
      { type: 'stream.close', detail: { stream: id, total: 6, reason: 'complete' } },
    ]);
  });

  test('a field that is lost is null in the next message, and its loss is recorded', async () => {
    const { clock, world, send, client, feeds } = await open();
    await send(1);
    world.changePolicies(withoutSecret);
    await send(2);
    await clock.advance(1_000);
    expect(client.messages.map(({ value }) => value)).toEqual([
      { data: { changed: { n: 1, secret: 's' } } },
      {
        data: { changed: { n: 2, secret: null } },
        errors: [
          {
            message: 'Unauthorized field or type',
            path: ['changed', 'secret'],
            extensions: { code: 'UNAUTHORIZED_FIELD_OR_TYPE' },
          },
        ],
      },
    ]);
    expect(feeds).toHaveLength(1);
    expect(world.state.records.at(-1)?.detail).toMatchObject({
      nulled: 1,
      refused: [{ coordinate: 'Item.secret', path: 'changed.secret' }],
    });
  });

  test('where a field is won, another stream is opened before the one that there was is closed', async () => {
    const { clock, world, send, client, feeds } = await open({}, withoutSecret);
    await send(1);
    world.changePolicies(everything);
    await clock.advance(0);
    expect(feeds.map(({ isClosed }) => isClosed)).toEqual([true, false]);
    await send(2, feeds[1]);
    expect(client.messages.map(({ value }) => value.data)).toEqual([
      { changed: { n: 1, secret: null } },
      { changed: { n: 2, secret: 's' } },
    ]);
  });

  test('it ends when its root field is lost, and what the subgraph sends meanwhile stays unsent', async () => {
    const { clock, world, send, client, feeds } = await open();
    world.changePolicies(await streamEngineWith('secret'));
    await clock.advance(0);
    await send(1);
    expect(client.messages).toEqual([]);
    expect(client.ended).toMatchObject({ reason: 'refused', code: 'UNAUTHORIZED_FIELD_OR_TYPE' });
    expect(feeds[0]?.isClosed).toBe(true);
  });

  test('no message leaves while the log takes nothing, and it ends where that lasts', async () => {
    const { clock, world, send, client } = await open();
    await send(1);
    world.state.auditIsAway = true;
    await clock.advance(2_000);
    await send(2);
    expect(client.messages).toHaveLength(1);
    await clock.advance(11_000);
    expect(client.ended).toMatchObject({ reason: 'unrecorded', code: 'AUDIT_UNAVAILABLE' });
    expect(client.messages).toHaveLength(1);
  });

  test('messages go on once the log takes events again, and what was sent before is recorded first', async () => {
    const { clock, world, send, client, typesOf } = await open();
    await send(1);
    world.state.auditIsAway = true;
    await clock.advance(2_000);
    await send(2);
    world.state.auditIsAway = false;
    await clock.advance(2_000);
    expect(client.messages).toHaveLength(2);
    expect(typesOf()[0]).toBe('stream.messages');
  });

  test.each([
    ['what is no GraphQL result', (feed: UpstreamListener) => { feed.onResult(['garbage'], 5); }, 'SUBGRAPH_ERROR'],
    ['a stream that breaks off', (feed: UpstreamListener) => { feed.onFailure('SUBGRAPH_UNAVAILABLE', 'gone'); }, 'SUBGRAPH_UNAVAILABLE'],
  ] as const)('%s ends it with a code, after what came before', async (_name, break_, code) => {
    const { clock, send, client, feeds } = await open();
    await send(1);
    const listener = feeds[0]?.listener;
    if (listener !== undefined) break_(listener);
    await clock.advance(0);
    expect(client.messages).toHaveLength(1);
    expect(client.ended).toMatchObject({ reason: 'subgraph', code });
  }); // prettier-ignore

  test('what came at once with what is no result is sent before the end, and nothing after it', async () => {
    const { clock, client, feeds } = await open();
    const listener = feeds[0]?.listener;
    listener?.onResult({ data: { changed: { n: 1, secret: 's' } } }, 50);
    listener?.onResult(['garbage'], 5);
    listener?.onResult({ data: { changed: { n: 2, secret: 's' } } }, 50);
    await clock.advance(0);
    expect(client.messages.map(({ value }) => value.data)).toEqual([{ changed: { n: 1, secret: 's' } }]);
    expect(client.ended).toMatchObject({ reason: 'subgraph', code: 'SUBGRAPH_ERROR' });
    expect(feeds[0]?.isClosed).toBe(true);
  });

  test('a subgraph that floods, a client that does not read and a long life end it, each with its code', async () => {
    const flood = await open({ messagesPerSecond: 3 });
    for (let n = 1; n <= 4; n += 1) await flood.send(n);
    expect(flood.client.ended).toMatchObject({ code: 'STREAM_RATE_EXCEEDED' });
    const slow = await open({ bufferBytes: 10 });
    slow.client.waitingBytes = 11;
    await slow.send(1);
    expect(slow.client.ended).toMatchObject({ reason: 'slow_client', code: 'STREAM_TOO_SLOW' });
    const long = await open({ longestLifeMs: 60_000 });
    await long.clock.advance(61_000);
    expect(long.client.ended).toMatchObject({ reason: 'lifetime', code: 'STREAM_RESTART' });
    expect(long.client.heartbeats).toBe(3);
  });

  test('a caller has as many as the limit says, and its place is free again when one ends', async () => {
    const { world, fetcher, leave } = await open({ perCaller: 1 });
    const again = () => world.open(delegatedOf('a', CLAIMS), DOCUMENT, fetcher);
    await expect(again()).rejects.toMatchObject({ code: 'STREAMS_LIMITED', status: 429 });
    leave();
    await expect(again()).resolves.toBeDefined();
  });

  test('those who ask the same with the same token share one stream of the subgraph, and others do not', async () => {
    const { world, fetcher, feeds, send, client } = await open();
    const other = await world.open(delegatedOf('a', CLAIMS), DOCUMENT, fetcher);
    await world.open(delegatedOf('b', CLAIMS), DOCUMENT, fetcher);
    expect(feeds).toHaveLength(2);
    await send(1);
    expect([client.messages.length, other.client.messages.length]).toEqual([1, 1]);
  });

  test('it goes on under a newer token of the same subject, and not under one of another', async () => {
    const exp = START / 1000 + 30;
    const clock = createFakeClock(START);
    const world = openStreamWorld(clock, supergraph, everything);
    const { fetcher } = createFeeds();
    const newer = delegatedOf('a', { ...CLAIMS, jti: 'newer', exp: exp + 600 });
    const kept = await world.open(delegatedOf('a', { ...CLAIMS, exp }), DOCUMENT, fetcher, () =>
      Promise.resolve(newer),
    );
    const foreign = delegatedOf('b', { ...CLAIMS, exp: exp + 600 });
    const lost = await world.open(delegatedOf('c', { ...CLAIMS, exp }), DOCUMENT, fetcher, () =>
      Promise.resolve(foreign),
    );
    await clock.advance(40_000);
    expect(kept.client.ended).toBeUndefined();
    expect(lost.client.ended).toMatchObject({ reason: 'expired', at: START + 30_000 });
  });

  test('after another supergraph it goes on at the subgraphs of that one', async () => {
    const clock = createFakeClock(START);
    const world = openStreamWorld(clock, supergraph, everything);
    const [before, after] = [createFeeds(), createFeeds()];
    const { client } = await world.open(
      delegatedOf('a', CLAIMS),
      DOCUMENT,
      (one) => (one === supergraph ? before : after).fetcher,
    );
    world.changeSupergraph(supergraphOf(SUBGRAPHS));
    await clock.advance(0);
    expect([before.feeds.length, after.feeds.length]).toEqual([1, 1]);
    after.feeds[0]?.listener.onResult({ data: { changed: { n: 7, secret: 's' } } }, 50);
    await clock.advance(0);
    expect(client.messages.map(({ value }) => value.data)).toEqual([{ changed: { n: 7, secret: 's' } }]);
    expect(client.ended).toBeUndefined();
  });

  test('it ends where what is revoked cannot be known', async () => {
    const { clock, world, client } = await open();
    world.status.state.isFresh = false;
    world.streams.supervisor.touch();
    await clock.advance(0);
    expect(client.ended).toMatchObject({ reason: 'failed', code: 'STATUS_UNAVAILABLE' });
  });

  test('a gateway that stops ends it, records that, and opens no other', async () => {
    const { world, client, typesOf, fetcher } = await open();
    await world.streams.close();
    expect(client.ended).toMatchObject({ reason: 'drain' });
    expect(typesOf()).toEqual(['stream.close']);
    await expect(world.open(delegatedOf('b', CLAIMS), DOCUMENT, fetcher)).rejects.toMatchObject({
      code: 'NOT_READY',
    });
  });

  test('EXECUTOR=apollo says that it serves none', async () => {
    await expect(open({ isSupported: false })).rejects.toMatchObject({
      code: 'STREAMS_UNSUPPORTED',
      status: 501,
    });
  });
});
