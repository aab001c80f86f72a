import { describe, expect, test } from '@jest/globals';
import { REQUEST_RECORD } from '../../../support/audit-events.ts';
import { openAuditClientWorld } from '../../../support/audit-client-world.ts';

describe('the audit client', () => {
  const world = openAuditClientWorld();
  const { numbers, open, until, untilStopped } = world;

  test('counts every event of a boot from 0, without a gap', async () => {
    const client = open();
    await client.start();
    await Promise.all(Array.from({ length: 50 }, () => client.record(REQUEST_RECORD)));
    await client.stop();
    expect(numbers()).toEqual(Array.from({ length: 52 }, (_, n) => n));
    expect(world.service.events.at(0)?.type).toBe('source.start');
    expect(world.service.events.at(-1)?.type).toBe('source.stop');
    expect(new Set(world.service.events.map(({ source }) => source.boot_id)).size).toBe(1);
  });

  test('has one batch under way, with everything that came meanwhile in the next', async () => {
    const client = open();
    const first = client.record(REQUEST_RECORD);
    await Promise.resolve();
    await Promise.all([first, ...Array.from({ length: 99 }, () => client.record(REQUEST_RECORD))]);
    expect(world.service.mostConcurrent).toBe(1);
    expect(world.service.batches).toBeLessThanOrEqual(2);
    expect(world.service.events).toHaveLength(100);
  });

  test('keeps the id that it was given', async () => {
    const id = '018f0000-0000-7000-8000-000000000000';
    expect(await open().record({ ...REQUEST_RECORD, id })).toBe(id);
    expect(world.service.events[0]?.id).toBe(id);
  });

  test('tries a log that is not there yet four times a second while services start, more seldom later', async () => {
    world.service.answer = 'AUDIT_UNAVAILABLE';
    const client = open();
    await client.record(REQUEST_RECORD);
    const triesIn = async (seconds: number): Promise<number> => {
      const before = world.service.batches;
      for (let passed = 0; passed < seconds * 1000; passed += 50) {
        await world.clock.advance(50);
        await world.spool.peek(1, 1); // waits for what the disk does
      }
      return world.service.batches - before;
    };
    expect(await triesIn(10)).toBeGreaterThan(25);
    await triesIn(20);
    expect(await triesIn(10)).toBeLessThan(5);
  });

  test('fails closed when neither service nor disk take an event, and admits the gap later', async () => {
    await world.spool.append([JSON.stringify({ id: 'filler' }).padEnd(99_900)], 1);
    world.service.answer = 'AUDIT_UNAVAILABLE';
    const client = open();
    await expect(client.record(REQUEST_RECORD)).rejects.toMatchObject({
      code: 'AUDIT_UNAVAILABLE',
      status: 503,
    });
    world.service.answer = 'takes';
    await until(() => world.service.events.some(({ type }) => type === 'audit.gap'));
    expect(world.service.events.at(-1)).toMatchObject({
      detail: { count: 1, ranges: [[0, 0]], answered: false },
    });
  });

  test('answers without the event only where that is wanted, and says so in the gap', async () => {
    await world.spool.append([JSON.stringify({ id: 'filler' }).padEnd(99_900)], 1);
    world.service.answer = 'AUDIT_UNAVAILABLE';
    const client = open('fail_open');
    await client.record(REQUEST_RECORD);
    world.service.answer = 'takes';
    await until(() => world.service.events.some(({ type }) => type === 'audit.gap'));
    expect(world.service.events.at(-1)?.detail).toMatchObject({ count: 1, answered: true });
  });

  test('lets one refused event cost no other', async () => {
    const client = open();
    world.service.condemned = '018f0000-0000-7000-8000-000000000001';
    const bad = client.record({ ...REQUEST_RECORD, id: world.service.condemned });
    const good = [client.record(REQUEST_RECORD), client.record(REQUEST_RECORD)];
    await expect(bad).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
    await Promise.all(good);
    await until(() => world.service.events.some(({ type }) => type === 'audit.gap'));
    expect(world.service.events.map(({ type }) => type)).toEqual(['request', 'request', 'audit.gap']);
  });

  test('admits the loss of an event that was called durable and is refused later, and sends the others', async () => {
    const client = open();
    world.service.answer = 'AUDIT_UNAVAILABLE';
    world.service.condemned = await client.record(REQUEST_RECORD);
    await client.record(REQUEST_RECORD);
    world.service.answer = 'takes';
    await until(() => world.service.events.some(({ type }) => type === 'audit.gap'));
    expect(world.service.events.map(({ type, source }) => [type, source.n])).toEqual([
      ['request', 1],
      ['audit.gap', 2],
    ]);
    expect(world.service.events.at(-1)?.detail).toEqual({ count: 1, ranges: [], answered: true });
  });

  test('admits what is lost before it tells of its stop, which is the last', async () => {
    await world.spool.append([JSON.stringify({ id: 'filler' }).padEnd(99_900)], 1);
    world.service.answer = 'AUDIT_UNAVAILABLE';
    const client = open();
    await expect(client.record(REQUEST_RECORD)).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
    await world.spool.drop(1);
    await untilStopped(client);
    world.service.answer = 'takes';
    const next = open();
    await until(() => next.state === 'ok');
    expect(world.service.events.map(({ type, source }) => [type, source.n])).toEqual([
      ['audit.gap', 1],
      ['source.stop', 2],
    ]);
  });

  test('records nothing after its stop', async () => {
    const client = open();
    await client.stop();
    await client.stop();
    await expect(client.record(REQUEST_RECORD)).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
    expect(world.service.events.map(({ type }) => type)).toEqual(['source.stop']);
  });
});
