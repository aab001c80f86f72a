import { describe, expect, test } from '@jest/globals';
import { createEventsRoute, createHeldEventsRoute } from '../../../subgraphs/audit/log/events-route.ts';
import { eventsRequest, sourceAuthority } from '../../support/events-request.ts';

const MEGABYTE = 1_048_576;

/** The route over an ingest that appends when a test says so */
function openRoute() {
  const waiting: (() => void)[] = [];
  const route = createEventsRoute({
    ...sourceAuthority,
    ingest: {
      accept: () =>
        new Promise((resolve) => {
          waiting.push(() => {
            resolve(1);
          });
        }),
    },
  });
  const post = (service: string, bytes: number) => route.handle(eventsRequest(service, 'x'.repeat(bytes)));
  const appendAll = (): void => {
    for (const append of waiting.splice(0)) append();
  };
  return { post, appendAll };
}

describe('POST /audit/events', () => {
  test('lets a peer that posts more than its share wait, and nobody else', async () => {
    const { post, appendAll } = openRoute();
    const first = [post('leads', 2 * MEGABYTE), post('leads', 2 * MEGABYTE)];
    await expect(post('leads', 1)).rejects.toMatchObject({ code: 'OVERLOADED', status: 503 });
    const other = post('gateway', MEGABYTE);
    await Promise.resolve();
    await new Promise(setImmediate);
    appendAll();
    expect((await Promise.all([...first, other])).map(({ status }) => status)).toEqual([200, 200, 200]);

    const again = post('leads', 4 * MEGABYTE);
    await new Promise(setImmediate);
    appendAll();
    expect(await again).toMatchObject({ status: 200 });
  });
});

test('POST /audit/held-events takes events from each peer in its own name alone', async () => {
  const held: string[] = [];
  const hold = (peer: string) => Promise.resolve(held.push(peer));
  const route = createHeldEventsRoute({ ...sourceAuthority, held: { hold } });
  expect(await route.handle(eventsRequest('leads', '{}'))).toMatchObject({ status: 200 });
  await expect(route.handle(eventsRequest('leads', '{}', 'gateway'))).rejects.toMatchObject({
    code: 'FORBIDDEN',
  });
  const nobody = { ...eventsRequest('leads', '{}'), peer: undefined };
  await expect(route.handle(nobody)).rejects.toMatchObject({ code: 'MTLS_REQUIRED' });
  expect(held).toEqual(['leads']);
});
