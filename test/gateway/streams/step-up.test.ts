import { beforeAll, expect, test } from '@jest/globals';
import type { Engine } from '@aduana/server-kit/iam/compile';
import { errorResult } from '../../../gateway/streams/error-result.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { streamEngineOf } from '../../support/stream-rights.ts';
import { openTestStream } from '../../support/open-test-stream.ts';
import { delegatedOf, openStreamWorld } from '../../support/stream-world.ts';
import { createFeeds } from '../../support/stream-feeds.ts';
import { supergraphOf } from '../../support/supergraph-of.ts';

const START = Date.UTC(2026, 10, 29, 12);
const SECONDS = START / 1000;
const LOGIN = { acr: 'mfa', auth_time: SECONDS };

const supergraph = supergraphOf({
  items: `type Query { item: Item } type Item { n: Int secret: String @policy(policies: [["fresh"]]) }
      type Subscription { changed: Item @policy(policies: [["today"]]) }`,
});

let engine: Engine;
beforeAll(async () => {
  engine = await streamEngineOf(`conditions:
  fresh: { acr: [mfa], max_age_seconds: 300 }
  today: { max_age_seconds: 1200 }
roles: { r: { permissions: [] } }
policies:
  fresh: { when: [fresh] }
  today: { when: [today] }
`);
});

async function open(caller = delegatedOf('a', { roles: ['r'], ...LOGIN })) {
  const document = 'subscription { changed { n secret } }';
  const renew = () => Promise.resolve(caller);
  const stream = await openTestStream({ supergraph, engine, caller, document, start: START, renew });
  const { feeds, sendChange } = stream;
  const send = (n: number, feed = feeds.at(-1)): Promise<void> => sendChange({ n, secret: 's' }, feed);
  return { ...stream, send };
}

test('a field is null from the moment in which the login is too old for it, and says what login would win it', async () => {
  const { clock, client, send } = await open();
  await clock.advance(300_000);
  await send(1);
  await clock.advance(1);
  await send(2);
  expect(client.messages.map(({ value }) => value)).toEqual([
    { data: { changed: { n: 1, secret: 's' } } },
    {
      data: { changed: { n: 2, secret: null } },
      errors: [
        {
          message: 'Unauthorized field or type',
          path: ['changed', 'secret'],
          extensions: { code: 'UNAUTHORIZED_FIELD_OR_TYPE', stepUp: { max_age: 300 } },
        },
      ],
    },
  ]);
});

test('it is won again by a token of a later login, without another subscription', async () => {
  const { clock, client, send, admitted } = await open();
  await clock.advance(400_000);
  await send(1);
  admitted.replace(delegatedOf('a', { roles: ['r'], ...LOGIN, auth_time: SECONDS + 400, jti: 'jti-later' }));
  await clock.advance(0);
  await send(2);
  await clock.advance(300_001);
  await send(3);
  expect(client.messages.map(({ value }) => value.data)).toEqual([
    { changed: { n: 1, secret: null } },
    { changed: { n: 2, secret: 's' } },
    { changed: { n: 3, secret: null } },
  ]);
});

test('nor is it lost where the policies change: the later credential is the one that is asked about', async () => {
  const first = delegatedOf('a', { roles: ['r'], auth_time: SECONDS });
  const { clock, client, send, admitted, world } = await open(first);
  const later = delegatedOf('a', { roles: ['r'], ...LOGIN, jti: 'jti-later' });
  admitted.replace(later, () => Promise.resolve(later));
  await clock.advance(0);
  world.changePolicies({ ...engine, sha256: 'another' });
  await clock.advance(0);
  await send(1);
  expect(client.messages.map(({ value }) => value.data)).toEqual([{ changed: { n: 1, secret: 's' } }]);
});

test('a stream whose root field asks for a fresh login ends within a second of that, and asks for one', async () => {
  const { clock, client, send } = await open();
  await clock.advance(1_201_000);
  await send(1);
  expect(client.messages).toEqual([]);
  const { ended } = client;
  expect(ended).toMatchObject({ reason: 'refused', code: 'INSUFFICIENT_USER_AUTHENTICATION' });
  expect(ended && ended.at - START).toBeLessThanOrEqual(1_201_000);
  expect(ended && JSON.parse(errorResult(ended) ?? '')).toEqual({
    errors: [
      {
        message: 'A stronger or more recent login is required',
        extensions: { code: 'INSUFFICIENT_USER_AUTHENTICATION', stepUp: { max_age: 1200 } },
      },
    ],
  });
});

test('what has become too old while the stream was opened is not in its first message', async () => {
  const clock = createFakeClock(START);
  const world = openStreamWorld(clock, supergraph, engine);
  const { feeds, fetcher } = createFeeds();
  let opened: () => void = () => undefined;
  const slow = {
    ...fetcher,
    openUpstream: async (request: Parameters<typeof fetcher.openUpstream>[0]) => {
      await new Promise<void>((resolve) => (opened = resolve));
      return fetcher.openUpstream(request);
    },
  };
  const opening = world.open(
    delegatedOf('a', { roles: ['r'], ...LOGIN }),
    'subscription { changed { n secret } }',
    slow,
  );
  await clock.advance(300_001);
  opened();
  const { client } = await opening;
  feeds[0]?.listener.onResult({ data: { changed: { n: 1, secret: 's' } } }, 50);
  await clock.advance(0);
  expect(client.messages.map(({ value }) => value.data)).toEqual([{ changed: { n: 1, secret: null } }]);
});
