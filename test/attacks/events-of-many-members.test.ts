/** The attacker has the certificate of one service, and wants the audit service to be busy with what it posts alone. */
import { expect, test } from '@jest/globals';
import { createEventsRoute, createHeldEventsRoute } from '../../subgraphs/audit/log/events-route.ts';
import { postedBody, postedEvent } from '../support/audit-events.ts';
import { eventsRequest, sourceAuthority } from '../support/events-request.ts';

/** The routes over a log that only counts what reaches it. */
function openRoutes() {
  const taken: string[] = [];
  const take = (_peer: string, body: string) => Promise.resolve(taken.push(body));
  const routes = [
    createEventsRoute({ ...sourceAuthority, ingest: { accept: take } }),
    createHeldEventsRoute({ ...sourceAuthority, held: { hold: take } }),
  ];
  const post = (body: string) =>
    Promise.all(routes.map((route) => route.handle(eventsRequest('leads', body))));
  return { post, taken };
}

const list = (length: number, of: (n: number) => string): string =>
  Array.from({ length }, (_, n) => of(n)).join();
const MANY = 380_000;

test.each([
  ['members', `{"events":[{"detail":{${list(MANY, (n) => `"${n.toString(36)}":1`)}}}]}`],
  ['elements', `{"events":[{"detail":[${list(MANY, () => '1')}]}]}`],
  ['lists', `{"events":[${'['.repeat(MANY)}`],
  ['events', `{"events":[${list(MANY, () => '{}')}]}`],
  ['members beside the events', `{"events":[],${list(MANY, (n) => `"${n.toString(36)}":1`)}}`],
])('a body of many %s is refused before anything is made of it', async (_name, body) => {
  const { post, taken } = openRoutes();
  const refusal = { code: 'LIMIT_VALUES_EXCEEDED', status: 400 };
  await expect(post(body)).rejects.toMatchObject(refusal);
  expect(taken).toEqual([]);
});

test.each([
  ['the most events that a body may hold', Array.from({ length: 2_000 }, () => postedEvent())],
  [
    '32 events of as many values as the log keeps of one',
    Array.from({ length: 32 }, () =>
      postedEvent({ detail: { list: Array.from({ length: 4_000 }, () => 1) } }),
    ),
  ],
  ['texts that look like lists', [postedEvent({ detail: { text: '\\",[{'.repeat(200_000) } })]],
])('a body passes that holds %s', async (_name, events) => {
  const { post, taken } = openRoutes();
  expect((await post(postedBody(...events))).map(({ status }) => status)).toEqual([200, 200]);
  expect(taken).toHaveLength(2);
});
