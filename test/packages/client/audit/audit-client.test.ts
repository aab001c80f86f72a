import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSpool, type Spool } from '@aduana/client/audit/spool';
import { type AuditClient, createAuditClient } from '@aduana/client/audit/audit-client';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import { REQUEST_RECORD } from '../../../support/audit-events.ts';
import { createFakeAuditService, type FakeAuditService } from '../../../support/fake-audit-service.ts';
import { createFakeClock, type FakeClock } from '../../../support/fake-clock.ts';

const log = createLog('silent', () => undefined);
describe('the audit client', () => {
  let folder: string;
  let clock: FakeClock;
  let spool: Spool;
  let service: FakeAuditService;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aduana-client-'));
    clock = createFakeClock();
    service = createFakeAuditService(clock);
    spool = await openSpool({ folder, key: Buffer.alloc(32, 1), maxBytes: 100_000, log });
  });
  afterEach(async () => {
    await spool.close();
    await rm(folder, { recursive: true });
  });

  const open = (mode: 'fail_closed' | 'fail_open' = 'fail_closed'): AuditClient =>
    createAuditClient({
      instance: 'gateway@1',
      post: (body) => service.post(body),
      spool,
      mode,
      platform: { clock, log, metrics: createMetrics() },
    });
  const numbers = (): number[] => service.events.map(({ source }) => source.n);
  /** Real disks take real time, also under a clock that stands still. */
  const until = async (holds: () => boolean): Promise<void> => {
    for (let turn = 0; turn < 5000 && !holds(); turn += 1) {
      await clock.advance(100);
      await spool.peek(1, 1); // waits for what the disk does
    }
    expect(holds()).toBe(true);
  };
  const untilStopped = async (client: AuditClient): Promise<void> => {
    let isStopped = false;
    void client.stop().then(() => (isStopped = true));
    await until(() => isStopped);
  };

  test('counts every event of a boot from 0, without a gap', async () => {
    const client = open();
    await client.start();
    await Promise.all(Array.from({ length: 50 }, () => client.record(REQUEST_RECORD)));
    await client.stop();
    expect(numbers()).toEqual(Array.from({ length: 52 }, (_, n) => n));
    expect(service.events.at(0)?.type).toBe('source.start');
    expect(service.events.at(-1)?.type).toBe('source.stop');
    expect(new Set(service.events.map(({ source }) => source.boot_id)).size).toBe(1);
  });

  test('has one batch under way, with everything that came meanwhile in the next', async () => {
    const client = open();
    const first = client.record(REQUEST_RECORD);
    await Promise.resolve();
    await Promise.all([first, ...Array.from({ length: 99 }, () => client.record(REQUEST_RECORD))]);
    expect(service.mostConcurrent).toBe(1);
    expect(service.batches).toBeLessThanOrEqual(2);
    expect(service.events).toHaveLength(100);
  });

  test('keeps the id that it was given', async () => {
    const id = '018f0000-0000-7000-8000-000000000000';
    expect(await open().record({ ...REQUEST_RECORD, id })).toBe(id);
    expect(service.events[0]?.id).toBe(id);
  });

  test('spools while the service is away, and sends it all in order once it is back', async () => {
    const client = open();
    await client.record(REQUEST_RECORD);
    service.answer = 'AUDIT_UNAVAILABLE';
    for (let count = 0; count < 3; count += 1) await client.record(REQUEST_RECORD);
    expect(client.state).toBe('spooling');
    expect(service.events).toHaveLength(1);
    service.answer = 'takes';
    await until(() => client.state === 'ok');
    await client.record(REQUEST_RECORD);
    expect(numbers()).toEqual([0, 1, 2, 3, 4]);
  });

  test('tries a log that is not there yet four times a second while services start, more seldom later', async () => {
    service.answer = 'AUDIT_UNAVAILABLE';
    const client = open();
    await client.record(REQUEST_RECORD);
    const triesIn = async (seconds: number): Promise<number> => {
      const before = service.batches;
      for (let passed = 0; passed < seconds * 1000; passed += 50) {
        await clock.advance(50);
        await spool.peek(1, 1); // waits for what the disk does
      }
      return service.batches - before;
    };
    expect(await triesIn(10)).toBeGreaterThan(25);
    await triesIn(20);
    expect(await triesIn(10)).toBeLessThan(5);
  });

  test('does not wait for a service that hangs', async () => {
    const client = open();
    service.answer = 'hangs';
    const pending = client.record(REQUEST_RECORD);
    let isDurable = false;
    void pending.then(() => (isDurable = true));
    await until(() => isDurable);
    expect(clock.now() - Date.parse('2026-01-01T00:00:00Z')).toBeLessThan(5000);
  });

  test('leaves to the next boot what it could not send', async () => {
    service.answer = 'AUDIT_UNAVAILABLE';
    const first = open();
    await first.record(REQUEST_RECORD);
    await untilStopped(first);
    service.answer = 'takes';
    const second = open();
    await second.start();
    await until(() => second.state === 'ok');
    expect(service.events.map(({ type, source }) => [type, source.n])).toEqual([
      ['request', 0],
      ['source.stop', 1],
      ['source.start', 0],
    ]);
  });

  test('fails closed when neither service nor disk take an event, and admits the gap later', async () => {
    await spool.append([JSON.stringify({ id: 'filler' }).padEnd(99_900)], 1);
    service.answer = 'AUDIT_UNAVAILABLE';
    const client = open();
    await expect(client.record(REQUEST_RECORD)).rejects.toMatchObject({
      code: 'AUDIT_UNAVAILABLE',
      status: 503,
    });
    service.answer = 'takes';
    await until(() => service.events.some(({ type }) => type === 'audit.gap'));
    expect(service.events.at(-1)).toMatchObject({ detail: { count: 1, ranges: [[0, 0]], answered: false } });
  });

  test('answers without the event only where that is wanted, and says so in the gap', async () => {
    await spool.append([JSON.stringify({ id: 'filler' }).padEnd(99_900)], 1);
    service.answer = 'AUDIT_UNAVAILABLE';
    const client = open('fail_open');
    await client.record(REQUEST_RECORD);
    service.answer = 'takes';
    await until(() => service.events.some(({ type }) => type === 'audit.gap'));
    expect(service.events.at(-1)?.detail).toMatchObject({ count: 1, answered: true });
  });

  test('lets one refused event cost no other', async () => {
    const client = open();
    service.condemned = '018f0000-0000-7000-8000-000000000001';
    const bad = client.record({ ...REQUEST_RECORD, id: service.condemned });
    const good = [client.record(REQUEST_RECORD), client.record(REQUEST_RECORD)];
    await expect(bad).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
    await Promise.all(good);
    await until(() => service.events.some(({ type }) => type === 'audit.gap'));
    expect(service.events.map(({ type }) => type)).toEqual(['request', 'request', 'audit.gap']);
  });

  test('admits the loss of an event that was called durable and is refused later, and sends the others', async () => {
    const client = open();
    service.answer = 'AUDIT_UNAVAILABLE';
    service.condemned = await client.record(REQUEST_RECORD);
    await client.record(REQUEST_RECORD);
    service.answer = 'takes';
    await until(() => service.events.some(({ type }) => type === 'audit.gap'));
    expect(service.events.map(({ type, source }) => [type, source.n])).toEqual([
      ['request', 1],
      ['audit.gap', 2],
    ]);
    expect(service.events.at(-1)?.detail).toEqual({ count: 1, ranges: [], answered: true });
  });

  test('lets nobody wait long behind others for a slow service', async () => {
    spool = await openSpool({ folder, key: Buffer.alloc(32, 1), maxBytes: 100_000_000, log });
    const client = open();
    service.delayMilliseconds = 1900;
    let durable = 0;
    for (let count = 0; count < 10_000; count += 1)
      void client.record(REQUEST_RECORD).then(() => (durable += 1));
    const began = clock.now();
    await until(() => durable === 10_000);
    expect(clock.now() - began).toBeLessThan(5000);
    service.delayMilliseconds = 0;
    await until(() => client.state === 'ok');
    expect(numbers()).toEqual(Array.from({ length: 10_000 }, (_, n) => n));
  });

  test('admits what is lost before it tells of its stop, which is the last', async () => {
    await spool.append([JSON.stringify({ id: 'filler' }).padEnd(99_900)], 1);
    service.answer = 'AUDIT_UNAVAILABLE';
    const client = open();
    await expect(client.record(REQUEST_RECORD)).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
    await spool.drop(1);
    await untilStopped(client);
    service.answer = 'takes';
    const next = open();
    await until(() => next.state === 'ok');
    expect(service.events.map(({ type, source }) => [type, source.n])).toEqual([
      ['audit.gap', 1],
      ['source.stop', 2],
    ]);
  });

  test('stops within seconds while the service hangs, and leaves everything to the next boot', async () => {
    service.answer = 'AUDIT_UNAVAILABLE';
    const client = open();
    await client.record(REQUEST_RECORD);
    service.answer = 'hangs';
    const began = clock.now();
    await untilStopped(client);
    expect(clock.now() - began).toBeLessThan(6000);
    service.answer = 'takes';
    const next = open();
    await until(() => next.state === 'ok');
    expect(service.events.map(({ type }) => type)).toEqual(['request', 'source.stop']);
  });

  test('keeps three quarters of the spool from callers who are not known', async () => {
    service.answer = 'AUDIT_UNAVAILABLE';
    const client = open();
    const anonymous = {
      ...REQUEST_RECORD,
      actor: { ...REQUEST_RECORD.actor, sub: 'anonymous' },
      detail: { x: 'x'.repeat(4000) },
    };
    const flood = await Promise.allSettled(Array.from({ length: 20 }, () => client.record(anonymous)));
    expect(flood.some(({ status }) => status === 'rejected')).toBe(true);
    expect(spool.bytes).toBeLessThanOrEqual(25_000);
    await client.record(REQUEST_RECORD);
  });

  test('keeps room for the outcome of each mutation that was begun', async () => {
    service.answer = 'AUDIT_UNAVAILABLE';
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

  test('records nothing after its stop', async () => {
    const client = open();
    await client.stop();
    await client.stop();
    await expect(client.record(REQUEST_RECORD)).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
    expect(service.events.map(({ type }) => type)).toEqual(['source.stop']);
  });
});
