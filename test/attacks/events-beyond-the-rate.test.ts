/** The attacker has the certificate of one service, and wants to fill the log. */
import { describe, expect, test } from '@jest/globals';
import { createEventsRoute, createHeldEventsRoute } from '../../subgraphs/audit/log/events-route.ts';
import { createSourceRate } from '../../subgraphs/audit/log/source-rate.ts';
import { openAuditClientWorld } from '../support/audit-client-world.ts';
import { postedBody, postedEvent, REQUEST_RECORD } from '../support/audit-events.ts';
import { eventsRequest, sourceAuthority } from '../support/events-request.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';

const PER_MINUTE = 10;

/** Both routes over a log that counts what it gets, and refuses it where `refusal` says so. */
function openRoutes(clock: FakeClock, perMinute: number | 'off' = PER_MINUTE) {
  const log = { events: 0, refusal: undefined as Error | undefined };
  const take = async (_peer: string, body: string): Promise<number> => {
    await Promise.resolve();
    const { events } = JSON.parse(body) as { readonly events: readonly unknown[] };
    log.events += events.length;
    if (log.refusal !== undefined) throw log.refusal;
    return events.length;
  };
  const options = { ...sourceAuthority, rate: createSourceRate(perMinute, clock) };
  const events = createEventsRoute({ ...options, ingest: { accept: take } });
  const held = createHeldEventsRoute({ ...options, held: { hold: take } });
  const post = (service: string, count: number, route = events, members = {}) => {
    const posted = Array.from({ length: count }, () => postedEvent(members));
    return route.handle(eventsRequest(service, postedBody(...posted)));
  };
  return { post, held, log };
}

const refusal = (retryAfterSeconds: number): unknown =>
  expect.objectContaining({ code: 'RATE_LIMITED', status: 429, retryAfterSeconds });

describe('a service beyond its rate', () => {
  test('adds nothing more within the minute, and others go on', async () => {
    const clock = createFakeClock();
    const { post, held, log } = openRoutes(clock);
    await post('leads', 6);
    await post('leads', 6); // the last post within the rate
    await clock.advance(20_000);
    await expect(post('leads', 1)).rejects.toEqual(refusal(40));
    await expect(post('leads', 1, held)).rejects.toEqual(refusal(40));
    expect(log.events).toBe(12);
    await post('gateway', PER_MINUTE);
    await clock.advance(40_000);
    await post('leads', 1);
    expect(log.events).toBe(13 + PER_MINUTE);
  });

  test('gains nothing by events that the log refuses, each of which is recorded', async () => {
    const { post, log } = openRoutes(createFakeClock());
    log.refusal = new Error('a conflict');
    await expect(post('leads', PER_MINUTE)).rejects.toThrow('a conflict');
    await expect(post('leads', 1)).rejects.toEqual(refusal(60));
  });

  test.each([
    ['many values', { list: Array.from({ length: 100 * PER_MINUTE }, () => 1) }],
    ['a long text', { text: 'x'.repeat(4096 * PER_MINUTE) }],
  ])('gains nothing by events of %s, each of which counts as several', async (_name, detail) => {
    const { post } = openRoutes(createFakeClock());
    await post('leads', 1, undefined, { detail });
    await expect(post('leads', 1)).rejects.toEqual(refusal(60));
  });

  test('loses nothing of its rate by posts that find no room', async () => {
    const { post } = openRoutes(createFakeClock(), 2_000);
    const large = () => post('leads', 1, undefined, { detail: { text: 'x'.repeat(3_000_000) } });
    const posts = await Promise.allSettled(Array.from({ length: 6 }, large));
    const refused = posts.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
    expect(refused).toEqual(
      Array.from({ length: 5 }, () => expect.objectContaining({ code: 'OVERLOADED' }) as unknown),
    );
    expect(await large()).toMatchObject({ status: 200 });
  });

  test('gains nothing by what is held for the log', async () => {
    const { post, held } = openRoutes(createFakeClock());
    await post('leads', PER_MINUTE, held);
    await expect(post('leads', 1)).rejects.toEqual(refusal(60));
  });

  test('has no bound where the rate is off', async () => {
    const { post, log } = openRoutes(createFakeClock(), 'off');
    for (let posts = 0; posts < 5; posts += 1) await post('leads', PER_MINUTE);
    expect(log.events).toBe(5 * PER_MINUTE);
  });
});

describe('a service that is honest and has more to record than its rate', () => {
  const world = openAuditClientWorld();

  test('loses nothing, does not wait, and has it all in order in the log after some minutes', async () => {
    await world.enlargeSpool(1_000_000);
    const rate = createSourceRate(PER_MINUTE, world.clock);
    const { post } = world.service;
    world.service.post = async (body) => {
      const { events } = JSON.parse(body) as { readonly events: readonly unknown[] };
      rate.take('gateway', 0);
      rate.take('gateway', events.length);
      await post(body);
    };
    const client = world.open();
    const recorded = [];
    for (let n = 0; n < 600; n += 1) recorded.push(await client.record(REQUEST_RECORD));
    expect(client.state).toBe('spooling');
    await world.until(() => client.state === 'ok');
    expect(world.service.events.map(({ id }) => id)).toEqual(recorded);
  });
});
