import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AuditClient, createAuditClient } from '@aduana/client/audit/audit-client';
import { createReplicatedSpool } from '@aduana/client/audit/replicated-spool';
import { openSpool, type Spool } from '@aduana/client/audit/spool';
import { SecurityError } from '@aduana/core/errors/security-error';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { REQUEST_RECORD, serviceActor } from '../../../support/audit-events.ts';
import { createFakeAuditService, type FakeAuditService } from '../../../support/fake-audit-service.ts';
import { createFakeClock, type FakeClock } from '../../../support/fake-clock.ts';

const log = createLog('silent', () => undefined);

/** What the replica does with a copy. */
type Replica = 'keeps' | 'refuses' | 'refuses anonymous' | 'is away' | 'hangs';

describe('a replicated spool', () => {
  let folder: string;
  let clock: FakeClock;
  let local: Spool;
  let service: FakeAuditService;
  let replica: Replica;
  let copies: { readonly id: string; readonly type: string; readonly actor: { readonly sub: string } }[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aduana-replicated-'));
    clock = createFakeClock();
    service = createFakeAuditService(clock);
    local = await openSpool({ folder, key: Buffer.alloc(32, 1), maxBytes: 100_000, log });
    [replica, copies] = ['keeps', []];
  });
  afterEach(async () => {
    await local.close();
    await rm(folder, { recursive: true });
  });

  const open = (): AuditClient =>
    createAuditClient({
      instance: 'gateway@1',
      post: (body) => service.post(body),
      spool: createReplicatedSpool(local, handOver, clock),
      mode: 'fail_closed',
      platform: { clock, log },
    });
  function handOver(body: string): Promise<boolean> {
    const { events } = JSON.parse(body) as { events: typeof copies };
    if (replica === 'is away') return Promise.reject(new SecurityError('AUDIT_UNAVAILABLE'));
    if (replica === 'hangs') return new Promise(() => undefined);
    const isRefused =
      replica === 'refuses anonymous' && events.some(({ actor }) => actor.sub === 'anonymous');
    if (replica === 'refuses' || isRefused) return Promise.resolve(false);
    copies.push(...events);
    return Promise.resolve(true);
  }
  /** Real disks take real time, also under a clock that stands still. */
  async function until(holds: () => boolean): Promise<void> {
    for (let turn = 0; turn < 5000 && !holds(); turn += 1) {
      await clock.advance(100);
      await local.peek(1, 1);
    }
    expect(holds()).toBe(true);
  }
  async function settled<Result>(
    promise: Promise<Result>,
  ): Promise<PromiseSettledResult<Result> | undefined> {
    let outcome: PromiseSettledResult<Result> | undefined;
    void Promise.allSettled([promise]).then(([result]) => (outcome = result));
    await until(() => outcome !== undefined);
    return outcome;
  }

  test('calls an event durable once it lies here and at an audit replica', async () => {
    service.answer = 'AUDIT_UNAVAILABLE';
    const id = await open().record(REQUEST_RECORD);
    expect(copies.map((copy) => copy.id)).toEqual([id]);
    expect((await local.peek(10, 10_000)).join('')).toContain(id);
  });

  test.each(['refuses', 'is away', 'hangs'] as const)('refuses an event where the replica %s, within its time, and leaves it nowhere', async (what) => {
    service.answer = 'AUDIT_UNAVAILABLE';
    replica = what;
    const client = open();
    const began = clock.now();
    expect(await settled(client.record(REQUEST_RECORD))).toMatchObject({ status: 'rejected', reason: { code: 'AUDIT_UNAVAILABLE' } });
    expect(clock.now() - began).toBeLessThan(2000);
    expect(local.isEmpty).toBe(true);
    expect(client.state).toBe('refusing');
  }); // prettier-ignore

  test('goes on directly once the log is back, although no replica ever kept anything, and admits what was refused', async () => {
    service.answer = 'AUDIT_UNAVAILABLE';
    replica = 'is away';
    const client = open();
    await settled(client.record(REQUEST_RECORD));
    service.answer = 'takes';
    await client.record(REQUEST_RECORD);
    expect(client.state).toBe('ok');
    await until(() => service.events.some(({ type }) => type === 'audit.gap'));
    expect(service.events.at(-1)).toMatchObject({ detail: { ranges: [[0, 0]], answered: false } });
  });

  test('admits what was refused as soon as a replica keeps copies again: the source may be lost before the log is back', async () => {
    service.answer = 'AUDIT_UNAVAILABLE';
    replica = 'is away';
    const client = open();
    await settled(client.record(REQUEST_RECORD));
    replica = 'keeps';
    await client.record(REQUEST_RECORD);
    await until(() => copies.some(({ type }) => type === 'audit.gap'));
    expect(copies.at(-1)).toMatchObject({ detail: { ranges: [[0, 0]], answered: false } });
  });

  test('says that it refuses while events lie here and no replica takes more', async () => {
    service.answer = 'AUDIT_UNAVAILABLE';
    const client = open();
    await client.record(REQUEST_RECORD);
    expect(client.state).toBe('spooling');
    replica = 'is away';
    await settled(client.record(REQUEST_RECORD));
    expect(client.state).toBe('refusing');
    service.answer = 'takes';
    await until(() => client.state === 'ok');
  });

  test('what a replica refuses of unknown callers costs the known ones no more than one batch', async () => {
    service.answer = 'AUDIT_UNAVAILABLE';
    const client = open();
    await client.record(REQUEST_RECORD);
    replica = 'refuses anonymous';
    const both = () =>
      Promise.allSettled([client.record({ ...REQUEST_RECORD, actor: serviceActor('anonymous') }), client.record(REQUEST_RECORD)]); // prettier-ignore
    await both();
    expect((await both()).map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  });

  test('is what the start of its source promises', async () => {
    const client = createAuditClient({
      instance: 'gateway@1',
      post: (body) => service.post(body),
      spool: createReplicatedSpool(local, handOver, clock),
      boots: { begin: () => Promise.resolve([]), leaveEmpty: () => Promise.resolve() },
      mode: 'fail_closed',
      platform: { clock, log },
    });
    await client.start();
    expect(service.events[0]?.detail).toMatchObject({ spool: 'replicated' });
    await client.stop();
  });
});
