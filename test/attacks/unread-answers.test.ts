import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { BodySink, ServiceResponse } from '@aduana/core/http/route';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import { type HttpService, openHttpService } from '@aduana/server-kit/http/service';
import { type CallerLimits, createCallerLimits } from '../../gateway/limits/caller-limits.ts';
import { countUnread } from '../../gateway/streams/count-unread.ts';
import { openAnsweringGateway } from '../support/answering-gateway.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { engineOf } from '../support/policy-folder.ts';
import { delegatedOf } from '../support/stream-world.ts';
import { until } from '../support/until.ts';

// The attacker: the least caller, who asks much and reads nothing, or a byte now and then.
/** More than the system keeps for a connection that nobody reads. */
const ANSWER = Buffer.alloc(32 * 1024 * 1024);
const STALL_MS = 3_600_000;
const clock = createFakeClock();

describe('an answer', () => {
  let service: HttpService;
  let sent = 0;
  let asked = 0;
  const handle = (response: ServiceResponse) => () => {
    asked += 1;
    return Promise.resolve({ ...response, onSent: () => void (sent += 1) });
  };
  const written = {
    start(sink: BodySink) {
      sink.write('x'.repeat(ANSWER.length));
      sink.end();
    },
    cancel: () => undefined,
  };

  beforeAll(async () => {
    service = await openHttpService({
      name: 'test',
      listeners: [{ address: '127.0.0.1', port: 0, tls: undefined }],
      longestStallMilliseconds: STALL_MS,
      platform: { clock, log: createLog('silent', () => undefined) },
    });
    const routes = [
      { method: 'GET', path: '/large', handle: handle({ status: 200, body: ANSWER }) },
      { method: 'GET', path: '/parts', handle: handle({ status: 200, stream: written }) },
      { method: 'GET', path: '/small', handle: handle({ status: 200, body: 'small' }) },
    ] as const;
    service.serve(routes, () => Promise.resolve({ status: 'ok', checks: {} }), () => false); // prettier-ignore
  });
  afterAll(() => service.stop());

  async function ask(...paths: readonly string[]): Promise<Socket> {
    [sent, asked] = [0, 0];
    const socket = connect(service.ports[0] ?? 0, '127.0.0.1').on('error', () => undefined);
    await once(socket, 'connect');
    socket.pause();
    for (const path of paths) socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
    await until(() => asked > 0);
    return socket;
  }

  test.each([['/large'], ['/parts']])('of %s counts until its client has read it', async (path) => {
    const socket = await ask(path);
    expect(sent).toBe(0);
    socket.resume();
    await until(() => sent === 1);
    socket.destroy();
  });

  test.each([['/large'], ['/parts']])('of %s counts until its client has left', async (path) => {
    const socket = await ask(path);
    socket.destroy();
    await until(() => sent === 1);
  });

  test('that waits behind another one of its connection counts as long', async () => {
    const socket = await ask('/large', '/small', '/small');
    expect(sent).toBe(0);
    socket.resume();
    await until(() => sent === 3);
    socket.destroy();
  });

  test.each([
    ['/large', STALL_MS],
    ['/parts', 5_000],
  ])('of %s is cut where its client takes a little now and then', async (path, stallMs) => {
    const socket = await ask(path);
    const closed = once(socket, 'close');
    await clock.advance(stallMs);
    socket.read(1);
    await clock.advance(ANSWER.length / 100);
    expect(sent).toBe(0);
    await clock.advance(ANSWER.length / 65);
    await until(() => sent === 1);
    socket.resume();
    await closed;
  });

  test('of a client that reads them at once leaves nothing to wait for', async () => {
    const socket = await ask('/small');
    socket.resume();
    await until(() => sent === 1);
    await clock.advance(2_000);
    expect(clock.pending).toBe(0);
    socket.destroy();
  });
});

async function openLimits(
  unreadBytes: number | 'off',
  concurrent: number | 'off' = 'off',
): Promise<CallerLimits> {
  return createCallerLimits(
    {
      LIMIT_CONCURRENT_OPERATIONS: concurrent,
      LIMIT_OPERATIONS_IN_PROGRESS: 'off',
      LIMIT_OPERATIONS_WAITING: 0,
      LIMIT_UNREAD_BYTES: unreadBytes,
      RATE_LIMIT_PER_MINUTE: 'off',
      REDIS_URL: undefined,
      TRUST_DOMAIN: 'aduana.local',
    },
    {
      clock,
      log: createLog('silent', () => undefined),
      metrics: createMetrics(),
      identity: undefined as never, // asked for by replicas that share a Redis alone
    },
  );
}

describe('a caller', () => {
  test('has the place of its operation until the answer is read, in a batch too', async () => {
    const engine = await engineOf('permissions: [strong]\nroles: { r: { permissions: [strong] } }\n');
    const callers = await openLimits('off', 1);
    const { send } = openAnsweringGateway(engine, {}, { callers });
    const query = { query: '{ item { n } }' };
    for (const body of [query, [query, query]]) {
      const first = await send(body);
      expect(first.status).toBe(200);
      expect((await send(body)).status).toBe(429);
      first.onSent?.();
    }
    const refused = await send({ query: 'no document' });
    refused.onSent?.();
    const last = await send(query);
    expect(last.status).toBe(200);
  });

  test('who has not read as much as is left for all others gets no other answer, and the others do', async () => {
    const limits = await openLimits(6_400);
    const [slow, other] = [delegatedOf('slow', {}).caller, delegatedOf('other', {}).caller];
    const unread = limits.keepUnread(slow);
    unread.set(3_000);
    await expect(limits.enter(slow)).resolves.toBeDefined();
    unread.set(3_300);
    await expect(limits.enter(slow)).rejects.toMatchObject({ code: 'CONCURRENCY_LIMITED', status: 429 });
    await expect(limits.enter(other)).resolves.toBeDefined();
    unread.set(1_000_000); // of answers that were asked for together
    await expect(limits.enter(other)).resolves.toBeDefined();
    unread.release();
    await expect(limits.enter(slow)).resolves.toBeDefined();
  });

  test.each([
    ['before it is written', 3_300],
    ['when it has turned out too large', 3_190],
  ])('whose answer is under way when too much is not read does not get it: asked %s', async (_, bytes) => {
    const engine = await engineOf('permissions: [strong]\nroles: { r: { permissions: [strong] } }\n');
    const callers = await openLimits(6_400);
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const { send, asked } = openAnsweringGateway(engine, {}, { callers, answering: () => gate });
    const { caller } = delegatedOf('ana', {});
    const answers = [1, 2].map(() => send({ query: '{ item { n } }' }));
    await until(() => asked.length === 2);
    const unread = callers.keepUnread(caller);
    unread.set(bytes);
    release();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([429, 429]);
    unread.release();
    const last = await send({ query: '{ item { n } }' });
    expect([last.status, callers.keepUnread(caller).isTooMuch]).toEqual([200, false]);
  });

  test('who has read everything gets one answer of any size', async () => {
    const limits = await openLimits(6_400);
    const { caller } = delegatedOf('slow', {});
    const [one, other] = [limits.keepUnread(caller), limits.keepUnread(caller)];
    one.begin(5_000);
    expect(() => {
      other.begin(1);
    }).toThrow(expect.objectContaining({ code: 'CONCURRENCY_LIMITED' }));
    one.release();
    other.begin(1);
  });

  test('streams of such a caller count as streams that are not read', async () => {
    const limits = await openLimits(6_400);
    const { caller } = delegatedOf('slow', {});
    const sinks: BodySink[] = [];
    const waiting = [0, 0];
    const responses = waiting.map((_, n) =>
      countUnread(
        { status: 200, stream: { start: (sink) => void sinks.push(sink), cancel: () => undefined } },
        limits.keepUnread(caller),
        () => undefined,
      ).stream?.start({
        get waitingBytes() {
          return waiting[n] ?? 0;
        },
        write: (text) => void (waiting[n] = (waiting[n] ?? 0) + text.length),
        end: () => undefined,
        destroy: () => undefined,
        onClose: () => undefined,
      }),
    );
    expect(responses).toHaveLength(2);
    sinks[0]?.write('x'.repeat(2_000));
    sinks[1]?.write('x'.repeat(1_000));
    expect(sinks.map(({ waitingBytes }) => waitingBytes)).toEqual([2_000, 1_000]);
    sinks[1]?.write('x'.repeat(1_000));
    expect(sinks.map(({ waitingBytes }) => waitingBytes)).toEqual([Infinity, Infinity]);
    waiting.fill(0);
    expect(sinks.map(({ waitingBytes }) => waitingBytes)).toEqual([0, 0]);
  });
});
