import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AuditClient, createAuditClient } from '@aduana/client/audit/audit-client';
import { createNoSpool } from '@aduana/client/audit/no-spool';
import { openSpool, type SpoolQueue } from '@aduana/client/audit/spool';
import { openSpoolBoots } from '@aduana/client/audit/spool-boots';
import { SecurityError } from '@aduana/core/errors/security-error';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { REQUEST_RECORD } from '../../../support/audit-events.ts';
import { createFakeClock, type FakeClock } from '../../../support/fake-clock.ts';
import { until } from '../../../support/until.ts';

interface Event {
  readonly type: string;
  readonly source: { readonly boot_id: string; readonly n: number };
  readonly detail?: Readonly<Record<string, unknown>>;
}

const log = createLog('silent', () => undefined);
let folder: string;
let clock: FakeClock;
let events: Event[];
let isAway: boolean;
const spools: SpoolQueue[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aduana-boots-'));
  clock = createFakeClock();
  events = [];
  isAway = false;
});
afterEach(async () => {
  await Promise.all(spools.splice(0).map((spool) => spool.close()));
  await rm(folder, { recursive: true });
});

function post(body: string): Promise<void> {
  if (isAway) return Promise.reject(new SecurityError('AUDIT_UNAVAILABLE'));
  events.push(...(JSON.parse(body) as { events: Event[] }).events);
  return Promise.resolve();
}

/** A boot over the spool of a folder. */
async function boot(name = 'spool'): Promise<AuditClient> {
  const path = join(folder, name);
  const spool = await openSpool({ folder: path, key: Buffer.alloc(32, 1), maxBytes: 100_000, log });
  spools.push(spool);
  const boots = openSpoolBoots(path);
  return createAuditClient({ instance: 'gateway@1', post, spool, boots, mode: 'fail_closed', platform: { clock, log } }); // prettier-ignore
}
const starts = (): Event[] => events.filter(({ type }) => type === 'source.start');

test('a start names the boots that have left it their spool, and none where that was lost or left empty', async () => {
  const killed = await boot();
  await killed.start();
  await (await boot()).start();
  await (await boot('another disk')).start();
  const stopped = await boot();
  await stopped.start();
  await stopped.stop();
  await (await boot()).start();
  const [first, second, third, fourth, last] = starts();
  expect(first?.detail).toEqual({ spool: 'local', alive_seconds: 300, previous: [] });
  expect(second?.detail?.['previous']).toEqual([first?.source.boot_id]);
  expect(third?.detail?.['previous']).toEqual([]);
  expect(fourth?.detail?.['previous']).toEqual([first?.source.boot_id, second?.source.boot_id]);
  expect(last?.detail?.['previous']).toEqual([]);
});

test('a source is heard of as often as it promises, until it stops', async () => {
  const client = await boot();
  await client.start();
  for (let minute = 0; minute < 11; minute += 1) await clock.advance(60_000);
  await client.stop();
  for (let minute = 0; minute < 6; minute += 1) await clock.advance(60_000);
  expect(events.map(({ type }) => type)).toEqual(['source.start', 'source.alive', 'source.alive', 'source.stop']); // prettier-ignore
});

test('without a spool an event is in the log or refused, and what was refused is admitted', async () => {
  const client = createAuditClient({ instance: 'gateway@1', post, spool: createNoSpool(), mode: 'fail_closed', platform: { clock, log } }); // prettier-ignore
  isAway = true;
  let isStarted = false;
  void client.start().then(() => (isStarted = true));
  await expect(client.record(REQUEST_RECORD)).rejects.toMatchObject({
    code: 'AUDIT_UNAVAILABLE',
    status: 503,
  });
  expect(client.state).toBe('refusing');
  isAway = false;
  await until(() => isStarted, () => clock.advance(1000)); // prettier-ignore
  await client.record(REQUEST_RECORD);
  expect(client.state).toBe('ok');
  await client.stop();
  const counted = new Set(events.map(({ source }) => source.n));
  for (const { detail } of events)
    for (const [from, to] of (detail?.['ranges'] ?? []) as [number, number][])
      for (let n = from; n <= to; n += 1) counted.add(n);
  expect([...counted].sort((one, other) => one - other)).toEqual(Array.from({ length: counted.size }, (_, n) => n)); // prettier-ignore
  expect(starts()[0]?.detail).toEqual({ spool: 'off', alive_seconds: 300 });
});
