import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openSpool, type Spool } from '@aduana/client/audit/spool';
import type { SpoolDisk } from '@aduana/client/audit/spool-disk';
import { type AuditClient, createAuditClient } from '@aduana/client/audit/audit-client';
import { SecurityError } from '@aduana/core/errors/security-error';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import { REQUEST_RECORD } from '../../../support/audit-events.ts';
import { type CrashingDisk, createCrashingDisk, type DiskCall } from '../../../support/crashing-disk.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';
import { createSeededRandom } from '../../../support/seeded-random.ts';

const RUNS = Number(process.env['SPOOL_RUNS'] ?? 60);
const FAULTS: readonly DiskCall[] = ['write', 'sync', 'create', 'syncFolder', 'remove', 'read'];
const MODES = ['takes', 'refuses', 'hangs', 'takes and fails'] as const;
const log = createLog('silent', () => undefined);

type Step =
  | { readonly kind: 'record'; readonly events: number }
  | { readonly kind: 'service'; readonly mode: (typeof MODES)[number] }
  | {
      readonly kind: 'disk';
      readonly faults: readonly DiskCall[];
      readonly hangs: boolean;
      readonly room: number;
    }
  | { readonly kind: 'wait'; readonly milliseconds: number }
  | { readonly kind: 'stop' }
  | { readonly kind: 'die'; readonly events: number; readonly at: number; readonly power: boolean };

const events = fc.integer({ min: 1, max: 8 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('record' as const), events }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('service' as const), mode: fc.constantFrom(...MODES) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('disk' as const),
      faults: fc.subarray([...FAULTS], { maxLength: 2 }),
      hangs: fc.boolean(),
      room: fc.constantFrom(1500, Infinity, Infinity),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      milliseconds: fc.constantFrom(1, 400, 2100, 6000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('stop' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('die' as const),
      events,
      at: fc.integer({ min: 1, max: 6 }),
      power: fc.boolean(),
    }),
  },
);

interface Event {
  readonly id: string;
  readonly type: string;
  readonly source: { readonly boot_id: string; readonly n: number };
  readonly detail?: { readonly ranges?: readonly (readonly [number, number])[] };
}

/** A service that keeps events by their ids, and takes them as a test tells it. */
class FakeLog {
  mode: (typeof MODES)[number] = 'takes';
  /** In the order of their arrival. */
  readonly entries = new Map<string, Event>();
  /** Stored, without the sender knowing. */
  readonly unknown = new Set<string>();

  async post(body: string, signal: AbortSignal): Promise<void> {
    await Promise.resolve();
    const { mode } = this;
    if (mode === 'hangs') return new Promise((_, reject) => { signal.addEventListener('abort', () => { reject(new Error('late')); }); }); // prettier-ignore
    if (mode !== 'refuses')
      for (const event of (JSON.parse(body) as { events: Event[] }).events) {
        this.entries.set(event.id, this.entries.get(event.id) ?? event);
        if (mode === 'takes and fails') this.unknown.add(event.id);
      }
    if (mode !== 'takes') throw new SecurityError('AUDIT_UNAVAILABLE');
  }
}

/** One life of a process: after its death nothing of what it still does has an effect. */
class Life {
  isAlive = true;
  /** It is heard no more, while what it does to the disk still comes to its end. */
  isDying = false;
  readonly client: AuditClient;
  readonly #spool: Spool;

  private constructor(client: AuditClient, spool: Spool) {
    this.client = client;
    this.#spool = spool;
  }

  static async begin(
    disk: CrashingDisk,
    service: FakeLog,
    clock: ReturnType<typeof createFakeClock>,
  ): Promise<Life> {
    const state: { life?: Life } = {};
    const mortal = new Proxy(disk, {
      get:
        (target, name: keyof SpoolDisk) =>
        (...parameters: unknown[]) =>
          state.life?.isAlive === false
            ? new Promise(() => undefined)
            : (target[name] as (...all: unknown[]) => unknown)(...parameters),
    });
    const spool = await openSpool({
      folder: '/spool',
      key: Buffer.alloc(32, 1),
      maxBytes: 1e5,
      log,
      disk: mortal,
      segmentBytes: 3000,
    });
    const client = createAuditClient({
      instance: 'gateway@1',
      post: (body, signal) =>
        state.life?.isDying === true ? new Promise(() => undefined) : service.post(body, signal),
      spool,
      mode: 'fail_closed',
      platform: { clock, log, metrics: createMetrics() },
    });
    return (state.life = new Life(client, spool));
  }

  async stop(): Promise<void> {
    await this.client.stop();
    await this.#spool.close();
    this.isAlive = false;
  }
}

class Trial {
  readonly #clock = createFakeClock();
  readonly #service = new FakeLog();
  readonly #disk: CrashingDisk;
  #life: Life;
  /** Ids that were called durable. */
  readonly #promised = new Set<string>();

  private constructor(disk: CrashingDisk, life: Life) {
    this.#disk = disk;
    this.#life = life;
  }

  static async begin(seed: number): Promise<Trial> {
    const disk = createCrashingDisk(createSeededRandom(seed));
    const trial = new Trial(disk, undefined as never);
    await trial.#boot();
    return trial;
  }

  async run(next: Step): Promise<void> {
    switch (next.kind) {
      case 'record':
        this.#record(next.events);
        return this.#clock.advance(0);
      case 'service':
        this.#service.mode = next.mode;
        return;
      case 'disk':
        this.#disk.forgetFaults();
        for (const call of next.faults) this.#disk.failNext(call);
        this.#disk.release();
        if (next.hangs) this.#disk.hang();
        this.#disk.capacity = next.room;
        return;
      case 'wait':
        return this.#clock.advance(next.milliseconds);
      case 'stop':
        return this.#stop();
      case 'die':
        return this.#die(next);
    }
  }

  /** Everything works again: what was promised must come. */
  async end(): Promise<void> {
    await this.#heal();
    await this.#stop();
    for (let boot = 0; this.#disk.paths().length > 0; boot += 1) {
      expect(boot).toBeLessThan(5);
      await this.#stop();
    }
    const { entries, unknown } = this.#service;
    expect([...this.#promised].filter((id) => !entries.has(id))).toEqual([]);
    const stored = new Set([...entries.values()].filter(({ id }) => !unknown.has(id)).map(numberOf));
    const admitted = [...entries.values()].flatMap(({ source, detail }) =>
      (detail?.ranges ?? []).flatMap(([from, to]) =>
        Array.from({ length: to - from + 1 }, (_, at) => numberOf({ source: { ...source, n: from + at } })),
      ),
    );
    expect(admitted.filter((number) => stored.has(number))).toEqual([]);
  }

  async #boot(): Promise<void> {
    this.#disk.forgetFaults(); // who cannot open its spool does not start
    this.#life = await Life.begin(this.#disk, this.#service, this.#clock);
    this.#life.client.start().catch(() => undefined);
  }

  #record(count: number): void {
    const life = this.#life;
    for (let at = 0; at < count; at += 1)
      life.client.record(REQUEST_RECORD).then(
        (id) => life.isAlive && this.#promised.add(id),
        (error: unknown) => {
          expect(error).toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
        },
      );
  }

  async #heal(): Promise<void> {
    this.#service.mode = 'takes';
    this.#disk.release();
    this.#disk.forgetFaults();
    this.#disk.capacity = Infinity;
    await this.#clock.advance(30_000);
  }

  /** A stop ends in bounded time unless the disk hangs, and then a new life begins. */
  async #stop(): Promise<void> {
    this.#disk.release();
    const life = this.#life;
    void life.stop();
    for (let turn = 0; turn < 40 && life.isAlive; turn += 1) await this.#clock.advance(500);
    expect(life.isAlive).toBe(false);
    await this.#boot();
  }

  async #die({ events: count, at, power }: Extract<Step, { kind: 'die' }>): Promise<void> {
    this.#life.isDying = true;
    this.#disk.dieAt(at);
    this.#record(count);
    await this.#clock.advance(2500);
    this.#life.isAlive = false;
    this.#disk.release();
    if (power) this.#disk.crash();
    else this.#disk.revive();
    await this.#boot();
  }
}

function numberOf({ source }: Pick<Event, 'source'>): string {
  return `${source.boot_id} ${String(source.n)}`;
}

describe('the audit client whose service, disk and own life may end at any time', () => {
  test('brings everything it called durable to the log, and admits nothing as lost that is there', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30, size: 'max' }), fc.integer(), async (steps, seed) => {
        const trial = await Trial.begin(seed);
        for (const next of steps) await trial.run(next);
        await trial.end();
      }),
      { numRuns: RUNS },
    );
  }, 600_000);
});
