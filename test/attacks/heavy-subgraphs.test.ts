import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it, test } from '@jest/globals';
import type { SecurityError } from '@aduana/core/errors/security-error';
import { createSharedRoom } from '../../gateway/limits/shared-room.ts';
import type { SubgraphRequest } from '../../gateway/subgraphs/subgraph-fetcher.ts';
import { DEFAULT_LOAD } from '../../gateway/supergraph/subgraph-load.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { openFederation } from '../support/federation.ts';
import { type Behave, type Forwarding, openForwarding } from '../support/forwarding.ts';
import { listenTo, openSocketSubgraph, untilOver } from '../support/socket-subgraph.ts';
import { streamEngineWith } from '../support/stream-rights.ts';
import { createFeeds } from '../support/stream-feeds.ts';
import { delegatedOf, openStreamWorld } from '../support/stream-world.ts';
import { supergraphOf } from '../support/supergraph-of.ts';
import { createTestExecutor } from '../support/test-executor.ts';
import { until } from '../support/until.ts';

// The attacker: a subgraph, or two of them, whose answers are each within what one may have.
const MEBIBYTE = 1_048_576;
const ROOM_BYTES = 4 * MEBIBYTE;
const LARGE = ROOM_BYTES / 4;

const room = createSharedRoom(ROOM_BYTES);
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  await until(() => room.takenBy('hostile') + room.takenBy('honest') === 0);
});

async function openSubgraphs(): Promise<Forwarding> {
  const load = { ...DEFAULT_LOAD, circuitBreaker: 'off' } as const; // a busy machine may not connect in time
  const settings = { timeoutMs: 60_000, load };
  const forwarding = await openForwarding(
    { hostile: settings, accomplice: settings, honest: settings },
    { room, maxResponseBytes: 64 * MEBIBYTE },
  );
  open.push(forwarding);
  return forwarding;
}

function behave({ served }: Forwarding, subgraph: string, as: Behave): void {
  const one = served[subgraph];
  if (one !== undefined) one.behave = as;
}

const requestOf = (subgraph: string, more: Partial<SubgraphRequest> = {}): SubgraphRequest => ({
  subgraph,
  body: '{"query":"{ a }"}',
  operationKind: 'query',
  caller: delegatedOf('lucia', {}).caller,
  narrowing: { audience: 'leads', scopes: [], policies: [], join: [] },
  trace: { traceId: '1'.repeat(32), spanId: '2'.repeat(16), sampled: true },
  signal: new AbortController().signal,
  ...more,
});

const answering =
  (body: string): Behave =>
  (_, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(body);

/** Answers with so much, and then waits. */
const beginning =
  (bytes: number, begun: ServerResponse[]): Behave =>
  (_, response) => {
    begun.push(response);
    response.writeHead(200).write(Buffer.alloc(bytes, ' '));
  };

const HONEST = { data: { a: 'x'.repeat(10_000) } };

describe('answers that are under way', () => {
  test('those of one subgraph take half of the room at most, and one too many fails with its code alone', async () => {
    const forwarding = await openSubgraphs();
    const fetcher = forwarding.forward(forwarding.subgraphs, {});
    const begun: ServerResponse[] = [];
    behave(forwarding, 'hostile', beginning(LARGE, begun));
    behave(forwarding, 'honest', answering(JSON.stringify(HONEST)));
    const failures: unknown[] = [];
    const asked = Array.from({ length: 6 }, () =>
      fetcher.fetch(requestOf('hostile')).catch((error: unknown) => void failures.push(error)),
    );
    await until(() => failures.length >= 4);
    expect(room.takenBy('hostile')).toBeLessThanOrEqual(ROOM_BYTES / 2);
    expect(failures.map((error) => (error as SecurityError).code)).toEqual(failures.map(() => 'OVERLOADED'));
    expect(await fetcher.fetch(requestOf('honest'))).toEqual(HONEST);
    for (const response of begun) response.end('{"data":{}}');
    await Promise.all(asked);
    expect(room.takenBy('hostile')).toBe(0);
    expect(await forwarding.metrics()).toMatch(
      /aduana_subgraph_overloads_total\{[^}]*subgraph="hostile"[^}]*\} [4-6]/,
    );
  });

  test('two subgraphs that take all they can get leave as much to the others', async () => {
    const forwarding = await openSubgraphs();
    const fetcher = forwarding.forward(forwarding.subgraphs, {});
    const begun: ServerResponse[] = [];
    behave(forwarding, 'hostile', beginning(MEBIBYTE / 4, begun));
    behave(forwarding, 'accomplice', beginning(MEBIBYTE / 4, begun));
    behave(forwarding, 'honest', answering(JSON.stringify(HONEST)));
    const asked = Array.from({ length: 24 }, (_, n) =>
      fetcher.fetch(requestOf(n % 2 === 0 ? 'hostile' : 'accomplice')).catch(() => undefined),
    );
    await until(() => room.takenBy('hostile') + room.takenBy('accomplice') > ROOM_BYTES / 2);
    expect(await fetcher.fetch(requestOf('honest'))).toEqual(HONEST);
    for (const response of begun) response.destroy();
    await Promise.all(asked);
  });

  test('an answer takes its room until the operation that asked for it is over', async () => {
    const forwarding = await openSubgraphs();
    const fetcher = forwarding.forward(forwarding.subgraphs, {});
    behave(forwarding, 'hostile', answering(JSON.stringify({ data: { a: 'x'.repeat(LARGE) } })));
    const kept: (() => void)[] = [];
    await fetcher.fetch(requestOf('hostile', { keep: (release) => kept.push(release) }));
    expect(room.takenBy('hostile')).toBeGreaterThan(LARGE);
    await expect(
      fetcher.fetch(requestOf('hostile', { keep: (release) => kept.push(release) })),
    ).rejects.toMatchObject({ code: 'OVERLOADED', retryAfterSeconds: 1 });
    for (const release of kept) release();
    expect(room.takenBy('hostile')).toBe(0);
  });

  test('an answer of many small values counts as what it is parsed into', async () => {
    const forwarding = await openSubgraphs();
    const fetcher = forwarding.forward(forwarding.subgraphs, {});
    behave(forwarding, 'hostile', answering(`{"data":{"a":[${'{},'.repeat(100_000)}{}]}}`));
    await expect(fetcher.fetch(requestOf('hostile'))).rejects.toMatchObject({ code: 'OVERLOADED' });
  });

  test('an answer in many small parts counts as what they take', async () => {
    const forwarding = await openSubgraphs();
    const fetcher = forwarding.forward(forwarding.subgraphs, {});
    behave(forwarding, 'hostile', (_, response) => {
      response.writeHead(200, { 'transfer-encoding': 'chunked' }).flushHeaders();
      response.socket?.write('1\r\n \r\n'.repeat(8_000)); // parts of one byte each
    });
    await expect(fetcher.fetch(requestOf('hostile'))).rejects.toMatchObject({ code: 'OVERLOADED' });
  });
});

describe('an operation over a subgraph whose answer finds no room', () => {
  const FEDERATION = openFederation({
    good: {
      sdl: 'type Query { items: [Item] } type Item @key(fields: "id") { id: ID! name: String }',
      resolvers: { Query: { items: () => [{ id: '1', name: 'one' }] } },
    },
    hostile: { sdl: 'type Item @key(fields: "id") { id: ID! rating: Int }' },
  });

  it('lacks its fields alone, with their code at their paths', async () => {
    const forwarding = await openSubgraphs();
    const fetcher = forwarding.forward(forwarding.subgraphs, {});
    behave(forwarding, 'hostile', answering(' '.repeat(ROOM_BYTES)));
    const { data, errors } = await FEDERATION.ask(
      createTestExecutor({ completion: 'compiled', shareInFlight: true }),
      '{ items { name rating } }',
      { answer: ({ subgraph }, signal, request) => subgraph === 'hostile' ? fetcher.fetch({ ...request, signal }) : undefined },
    ); // prettier-ignore
    expect(data).toEqual({ items: [{ name: 'one', rating: null }] });
    expect(errors).toEqual([
      { message: 'The service is overloaded', path: ['items'], extensions: { code: 'OVERLOADED' } },
    ]);
    expect(room.takenBy('hostile')).toBe(0);
  });
});

describe('events of streams', () => {
  const EVENT = `event: next\ndata: ${'x'.repeat(LARGE)}`;

  test('those that are not whole yet take room of their subgraph, and one too many ends its stream alone', async () => {
    const forwarding = await openSubgraphs();
    const fetcher = forwarding.forward(forwarding.subgraphs, {});
    behave(forwarding, 'hostile', (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(EVENT);
    });
    const streams = await Promise.all(
      [1, 2, 3, 4].map(async () =>
        listenTo(
          await fetcher.openUpstream({ ...requestOf('hostile'), signal: new AbortController().signal }),
        ),
      ),
    );
    await until(() => streams.filter(({ end }) => end !== undefined).length >= 3);
    expect(room.takenBy('hostile')).toBeLessThanOrEqual(ROOM_BYTES / 2);
    const ends = streams.flatMap(({ end }) => (typeof end === 'object' ? [end.code] : []));
    expect(new Set(ends)).toEqual(new Set(['OVERLOADED']));
    for (const one of streams) one.close();
  });

  test('so do messages of a WebSocket that are not whole yet', async () => {
    const subgraph = await openSocketSubgraph({ name: 'hostile' }, { room });
    open.push(subgraph);
    const heard = await subgraph.hostile((webSocket) => {
      webSocket.send('x'.repeat(3 * MEBIBYTE), { fin: false });
    });
    expect(await untilOver(heard)).toMatchObject({ code: 'OVERLOADED' });
  });

  test('events that wait for their turn take room, and it is given back with them', async () => {
    const clock = createFakeClock(Date.UTC(2026, 0, 1, 12));
    const supergraph = supergraphOf({
      hostile: 'type Query { n: Int } type Subscription { changed: Int @requiresScopes(scopes: [["read"]]) }',
    });
    const world = openStreamWorld(clock, supergraph, await streamEngineWith('read'), { room });
    const { feeds, fetcher } = createFeeds();
    const claims = { roles: ['r'], scope: 'read' };
    const streams = [
      await world.open(delegatedOf('a', claims), 'subscription { changed }', fetcher),
      await world.open(delegatedOf('b', claims), 'subscription { changed }', fetcher),
    ];
    const send = (of: number) => feeds[of]?.listener.onResult({ data: { changed: of } }, ROOM_BYTES / 2);
    send(0);
    send(1);
    expect(room.takenBy('hostile')).toBe(ROOM_BYTES / 2);
    await clock.advance(0);
    expect(streams.map(({ client }) => client.ended?.code)).toEqual([undefined, 'OVERLOADED']);
    expect(streams[0]?.client.messages).toHaveLength(1);
    expect(room.takenBy('hostile')).toBe(0);
    send(0);
    streams[0]?.leave();
    expect(room.takenBy('hostile')).toBe(0);
  });
});
