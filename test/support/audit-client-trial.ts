import { expect } from '@jest/globals';
import fc from 'fast-check';
import { REQUEST_RECORD } from './audit-events.ts';
import { type CrashingDisk, createCrashingDisk, type DiskCall } from './crashing-disk.ts';
import { createFakeClock } from './fake-clock.ts';
import { createSeededRandom } from './seeded-random.ts';
import { type Event, FakeLog, Life, MODES } from './crashing-client.ts';

const FAULTS: readonly DiskCall[] = ['write', 'sync', 'create', 'syncFolder', 'remove', 'read'];

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
/** What may happen next to the client, its disk and its service. */
export const step: fc.Arbitrary<Step> = fc.oneof(
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

/** One audit client from boot to boot, over a disk and a service that fail as the steps demand. */
export class Trial {
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
