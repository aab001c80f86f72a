import { expect, test } from '@jest/globals';
import type { GatewayMessage, GatewayStream } from '@aduana/client/gateway/subscribe-gateway';
import { SecurityError } from '@aduana/core/errors/security-error';
import { createLog } from '@aduana/server-kit/platform/create-log';
import type { CallerGateway } from '../../console/server/caller-gateway.ts';
import type { Session } from '../../console/server/session.ts';
import { createStreamRoute } from '../../console/server/stream-route.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createServiceRequest } from '../support/service-request.ts';

const eventOf = (seq: number): GatewayMessage => ({
  data: { auditEventAdded: { seq: String(seq), canonical: JSON.stringify({ type: 'request', n: seq }) } },
});

/** What the gateway answers to each attempt in turn; the last stays open. */
type Attempt = readonly GatewayMessage[] | 'breaks' | 'is away';

function openPage(attempts: readonly (readonly [Attempt, ...Attempt[]])[], lastEventId?: string) {
  const clock = createFakeClock();
  const asked: unknown[] = [];
  const ended = new AbortController();
  const streamOf = ([first, ...rest]: readonly [Attempt, ...Attempt[]]): GatewayStream => {
    let close: () => void = () => undefined;
    const closed = new Promise<void>((resolve) => (close = resolve));
    async function* messages(): AsyncGenerator<GatewayMessage, void, undefined> {
      if (typeof first !== 'string') yield* first;
      if (rest.includes('breaks')) throw new SecurityError('GATEWAY_UNAVAILABLE');
      await closed;
    }
    return { status: 200, auditId: undefined, refused: [], messages: messages(), close };
  };
  const gateway = {
    subscribe: async (_: unknown, { variables }: { variables?: unknown }) => {
      const attempt = attempts[Math.min(asked.length, attempts.length - 1)] ?? [[]];
      asked.push(variables);
      await Promise.resolve();
      if (attempt[0] === 'is away') throw new SecurityError('GATEWAY_UNAVAILABLE');
      return streamOf(attempt);
    },
    graphql: async () =>
      Promise.resolve({
        ...{ status: 200, headers: {} },
        body: Buffer.from(JSON.stringify({ data: { auditEvents: { edges: [{ node: { seq: '7' } }] } } })),
      }),
  } as unknown as CallerGateway;
  const route = createStreamRoute({
    route: ({ method, path }, _kind, handle) => ({ method, path, handle }),
    requireSession: () => Promise.resolve({ id: 's', ended: ended.signal } as Session),
    gateway,
    platform: { clock, log: createLog('silent', () => undefined) },
  });
  const sent: string[] = [];
  return {
    ...{ clock, asked, ended },
    events: () => sent.flatMap((text) => /event: (\w+)/.exec(text)?.[1] ?? []),
    seqs: () => sent.flatMap((text) => /^id: (\d+)/.exec(text)?.[1] ?? []),
    async start() {
      const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
      const { stream } = await route.handle(createServiceRequest({ method: 'GET', headers }));
      stream?.start({
        ...{ waitingBytes: 0, end: () => undefined, destroy: () => undefined, onClose: () => undefined },
        write: (text) => void sent.push(text),
      });
      await clock.advance(0);
    },
  };
}

test('a stream that breaks off is opened again where it ended, and nothing is said to be away', async () => {
  const page = openPage([[[eventOf(8), eventOf(9)], 'breaks'], [[eventOf(10)]]]);
  await page.start();
  await page.clock.advance(1_000);
  expect(page.asked).toEqual([
    { filter: {}, after: '7' },
    { filter: {}, after: '9' },
  ]);
  expect(page.seqs()).toEqual(['8', '9', '10']);
  expect(page.events()).toEqual(['audit', 'audit', 'audit']);
});

test('a gateway that does not answer is named, and the stream goes on by itself once it does', async () => {
  const page = openPage([['is away'], ['is away'], [[eventOf(4)]]], '3');
  await page.start();
  await page.clock.advance(10_000);
  expect(page.asked).toHaveLength(3);
  expect(page.events()).toEqual(['away', 'back', 'audit']);
});

test('the right to read that is lost while the stream runs ends it with the permission that is missing', async () => {
  const lost = {
    data: null,
    errors: [{ message: '', extensions: { code: 'UNAUTHORIZED_FIELD_OR_TYPE' } }],
  } as unknown as GatewayMessage;
  const page = openPage([[[eventOf(4), lost]]], '3');
  await page.start();
  await page.clock.advance(10_000);
  expect([page.asked.length, page.events()]).toEqual([1, ['audit', 'refused']]);
});

test('a gateway that serves no streams is not asked again', async () => {
  const none = {
    data: null,
    errors: [{ message: '', extensions: { code: 'STREAMS_UNSUPPORTED' } }],
  } as unknown as GatewayMessage;
  const page = openPage([[[none]]], '3');
  await page.start();
  await page.clock.advance(10_000);
  expect([page.asked.length, page.events()]).toEqual([1, ['refused']]);
});

test('a session that ends ends its stream', async () => {
  const page = openPage([[[eventOf(4)]]], '3');
  await page.start();
  page.ended.abort();
  await page.clock.advance(0);
  expect(page.events()).toEqual(['audit', 'end']);
});
