import { describe, expect, test } from '@jest/globals';
import { REQUEST_RECORD } from '../../../support/audit-events.ts';
import { openAuditClientWorld } from '../../../support/audit-client-world.ts';

describe('what the audit client spools', () => {
  const world = openAuditClientWorld();
  const { numbers, open, until, untilStopped } = world;

  test('spools while the service is away, and sends it all in order once it is back', async () => {
    const client = open();
    await client.record(REQUEST_RECORD);
    world.service.answer = 'AUDIT_UNAVAILABLE';
    for (let count = 0; count < 3; count += 1) await client.record(REQUEST_RECORD);
    expect(client.state).toBe('spooling');
    expect(world.service.events).toHaveLength(1);
    world.service.answer = 'takes';
    await until(() => client.state === 'ok');
    await client.record(REQUEST_RECORD);
    expect(numbers()).toEqual([0, 1, 2, 3, 4]);
  });

  test('does not wait for a service that hangs', async () => {
    const client = open();
    world.service.answer = 'hangs';
    const pending = client.record(REQUEST_RECORD);
    let isDurable = false;
    void pending.then(() => (isDurable = true));
    await until(() => isDurable);
    expect(world.clock.now() - Date.parse('2026-01-01T00:00:00Z')).toBeLessThan(5000);
  });

  test('leaves to the next boot what it could not send', async () => {
    world.service.answer = 'AUDIT_UNAVAILABLE';
    const first = open();
    await first.record(REQUEST_RECORD);
    await untilStopped(first);
    world.service.answer = 'takes';
    const second = open();
    await second.start();
    await until(() => second.state === 'ok');
    expect(world.service.events.map(({ type, source }) => [type, source.n])).toEqual([
      ['request', 0],
      ['source.stop', 1],
      ['source.start', 0],
    ]);
  });

  test('lets nobody wait long behind others for a slow service', async () => {
    await world.enlargeSpool(100_000_000);
    const client = open();
    world.service.delayMilliseconds = 1900;
    let durable = 0;
    for (let count = 0; count < 10_000; count += 1)
      void client.record(REQUEST_RECORD).then(() => (durable += 1));
    const began = world.clock.now();
    await until(() => durable === 10_000);
    expect(world.clock.now() - began).toBeLessThan(5000);
    world.service.delayMilliseconds = 0;
    await until(() => client.state === 'ok');
    expect(numbers()).toEqual(Array.from({ length: 10_000 }, (_, n) => n));
  });

  test('stops within seconds while the service hangs, and leaves everything to the next boot', async () => {
    world.service.answer = 'AUDIT_UNAVAILABLE';
    const client = open();
    await client.record(REQUEST_RECORD);
    world.service.answer = 'hangs';
    const began = world.clock.now();
    await untilStopped(client);
    expect(world.clock.now() - began).toBeLessThan(6000);
    world.service.answer = 'takes';
    const next = open();
    await until(() => next.state === 'ok');
    expect(world.service.events.map(({ type }) => type)).toEqual(['request', 'source.stop']);
  });

  test('keeps three quarters of the spool from callers who are not known', async () => {
    world.service.answer = 'AUDIT_UNAVAILABLE';
    const client = open();
    const anonymous = {
      ...REQUEST_RECORD,
      actor: { ...REQUEST_RECORD.actor, sub: 'anonymous' },
      detail: { x: 'x'.repeat(4000) },
    };
    const flood = await Promise.allSettled(Array.from({ length: 20 }, () => client.record(anonymous)));
    expect(flood.some(({ status }) => status === 'rejected')).toBe(true);
    expect(world.spool.bytes).toBeLessThanOrEqual(25_000);
    await client.record(REQUEST_RECORD);
  });

  test('keeps room for the outcome of each mutation that was begun', async () => {
    world.service.answer = 'AUDIT_UNAVAILABLE';
    const client = open();
    const detail = { filler: 'x'.repeat(1000) };
    const intents = Array.from({ length: 200 }, () =>
      client.record({ ...REQUEST_RECORD, type: 'request.intent', detail }),
    );
    const settled = await Promise.allSettled(intents);
    const begun = settled.filter(({ status }) => status === 'fulfilled').length;
    expect(begun).toBeLessThan(200);
    for (let outcome = 0; outcome < 5; outcome += 1) await client.record({ ...REQUEST_RECORD, detail });
  });
});
