import { afterEach, beforeEach, expect } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AuditClient, createAuditClient } from '@aduana/client/audit/audit-client';
import { openSpool, type Spool } from '@aduana/client/audit/spool';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import { createFakeAuditService, type FakeAuditService } from './fake-audit-service.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';

const log = createLog('silent', () => undefined);

/** What an audit client works with: a service, a spool on disk and a clock, new for each test. */
export interface AuditClientWorld {
  readonly clock: FakeClock;
  readonly service: FakeAuditService;
  readonly spool: Spool;
  /** Replaces the spool, which holds 100 kB, by one that holds this many bytes. */
  enlargeSpool(maxBytes: number): Promise<void>;
  open(mode?: 'fail_closed' | 'fail_open'): AuditClient;
  /** Numbers of the events that the service has, in the order of their arrival. */
  numbers(): number[];
  /** Lets time pass until this holds. Real disks take real time, also under a clock that stands still. */
  until(holds: () => boolean): Promise<void>;
  untilStopped(client: AuditClient): Promise<void>;
}

/** To be called once, outside the tests. */
export function openAuditClientWorld(): AuditClientWorld {
  let folder: string;
  const opened = {} as { clock: FakeClock; service: FakeAuditService; spool: Spool };
  const openSpoolOf = (maxBytes: number): Promise<Spool> =>
    openSpool({ folder, key: Buffer.alloc(32, 1), maxBytes, log });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aduana-client-'));
    opened.clock = createFakeClock();
    opened.service = createFakeAuditService(opened.clock);
    opened.spool = await openSpoolOf(100_000);
  });
  afterEach(async () => {
    await opened.spool.close();
    await rm(folder, { recursive: true });
  });
  const until = async (holds: () => boolean): Promise<void> => {
    for (let turn = 0; turn < 5000 && !holds(); turn += 1) {
      await opened.clock.advance(100);
      await opened.spool.peek(1, 1); // waits for what the disk does
    }
    expect(holds()).toBe(true);
  };
  return Object.assign(opened, {
    until,
    async enlargeSpool(maxBytes: number): Promise<void> {
      opened.spool = await openSpoolOf(maxBytes);
    },
    open: (mode: 'fail_closed' | 'fail_open' = 'fail_closed'): AuditClient =>
      createAuditClient({
        instance: 'gateway@1',
        post: (body) => opened.service.post(body),
        spool: opened.spool,
        mode,
        platform: { clock: opened.clock, log, metrics: createMetrics() },
      }),
    numbers: (): number[] => opened.service.events.map(({ source }) => source.n),
    async untilStopped(client: AuditClient): Promise<void> {
      let isStopped = false;
      void client.stop().then(() => (isStopped = true));
      await until(() => isStopped);
    },
  });
}
