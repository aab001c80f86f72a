import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openSpool, type Spool } from '@aduana/client/audit/spool';
import { RECORD_HEADER_BYTES } from '@aduana/client/audit/spool-segment';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { type CrashingDisk, createCrashingDisk, type DiskCall } from '../../../support/crashing-disk.ts';
import { createSeededRandom } from '../../../support/seeded-random.ts';

const RUNS = Number(process.env['SPOOL_RUNS'] ?? 200);
const FOLDER = '/spool';
const FAULTS: readonly DiskCall[] = ['write', 'sync', 'create', 'cut', 'syncFolder', 'remove', 'read'];
const log = createLog('silent', () => undefined);

type Step =
  | { readonly kind: 'append' | 'take'; readonly texts: number; readonly faults: readonly DiskCall[] }
  /** At the n-th call to the disk the process dies, or the power goes, while texts are taken or appended. */
  | {
      readonly kind: 'die';
      readonly texts: number;
      readonly at: number;
      readonly first: 'append' | 'take';
      readonly power: boolean;
    }
  | { readonly kind: 'restart' };

const faults = fc.uniqueArray(fc.constantFrom(...FAULTS), { maxLength: 3 });
const texts = fc.integer({ min: 1, max: 6 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('append' as const), texts, faults }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('take' as const), texts, faults }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('die' as const),
      texts,
      at: fc.integer({ min: 1, max: 8 }),
      first: fc.constantFrom('append' as const, 'take' as const),
      power: fc.boolean(),
    }),
  },
);

function open(disk: CrashingDisk): Promise<Spool> {
  return openSpool({ folder: FOLDER, key: Buffer.alloc(32, 7), maxBytes: 1e6, log, disk, segmentBytes: 900 });
}

/** Everything that a spool over this disk would send. */
async function contentOf(disk: CrashingDisk): Promise<{ readonly texts: string[]; readonly lost: number }> {
  const spool = await open(disk.copy());
  const lost = spool.takeLost();
  const found: string[] = [];
  while (!spool.isEmpty) {
    const some = await spool.peek(100, 1e6);
    found.push(...some);
    await spool.drop(some.length);
  }
  return { texts: found, lost: lost + spool.takeLost() };
}

/** A spool over a disk that fails and crashes, beside what it has promised. */
class Trial {
  readonly #disk: CrashingDisk;
  #spool: Spool;
  #count = 0;
  /** What was called durable and is not dropped. */
  #promised: string[] = [];
  /** What the spool will give, in order: the promised and, after a crash, what was under way. */
  #queue: string[] = [];
  /** A disk that cannot cut what it has half written leaves what nobody can tell from a loss. */
  #mayOverstate = false;

  private constructor(disk: CrashingDisk, spool: Spool) {
    this.#disk = disk;
    this.#spool = spool;
  }

  static async open(seed: number): Promise<Trial> {
    const disk = createCrashingDisk(createSeededRandom(seed));
    return new Trial(disk, await open(disk));
  }

  async run(next: Step): Promise<void> {
    if (next.kind === 'append') await this.#append(next.texts, next.faults);
    else if (next.kind === 'take') await this.#take(next.texts, next.faults);
    else if (next.kind === 'die') await this.#die(next);
    else await this.#reopen(() => this.#spool.close());
    this.#disk.forgetFaults();
  }

  async #append(count: number, faults: readonly DiskCall[]): Promise<void> {
    const fresh = Array.from(
      { length: count },
      () => `${String((this.#count += 1))}:${'x'.repeat(this.#count % 40)}`,
    );
    for (const call of faults) this.#disk.failNext(call);
    this.#mayOverstate ||= faults.includes('cut');
    try {
      await this.#spool.append(fresh, 1);
      this.#promised.push(...fresh);
      this.#queue.push(...fresh);
    } catch (error) {
      expect(error).toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
    }
  }

  async #take(count: number, faults: readonly DiskCall[]): Promise<void> {
    for (const call of faults) this.#disk.failNext(call);
    try {
      const shown = await this.#spool.peek(count, 1e6);
      expect(shown).toEqual(this.#queue.slice(0, shown.length));
      if (this.#queue.length > 0) expect(shown.length).toBeGreaterThan(0);
      this.#promised = this.#promised.filter((text) => !shown.includes(text));
      this.#queue.splice(0, shown.length);
      await this.#spool.drop(shown.length);
    } catch (error) {
      expect(error).toMatchObject({ code: 'EIO' });
    }
  }

  async #die({ texts: count, at, first, power }: Extract<Step, { kind: 'die' }>): Promise<void> {
    this.#disk.dieAt(at);
    if (first === 'take') await this.#take(count, []);
    await this.#append(count, []);
    await this.#append(count, []);
    await this.#reopen(() => {
      if (power) this.#disk.crash();
      else this.#disk.revive();
    });
  }

  async #reopen(end: () => Promise<void> | void): Promise<void> {
    await end();
    const { texts: found, lost } = await contentOf(this.#disk);
    expect(found.filter((text) => this.#promised.includes(text))).toEqual(this.#promised);
    if (!this.#mayOverstate) expect(lost).toBe(0);
    this.#queue = found;
    this.#spool = await open(this.#disk);
  }
}

describe('the spool over a disk that fails and crashes at every step', () => {
  test('keeps what it called durable, in order, and admits no loss where there is none', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), fc.integer(), async (steps, seed) => {
        const trial = await Trial.open(seed);
        for (const next of steps) await trial.run(next);
        await trial.run({ kind: 'die', texts: 1, at: 1, first: 'append', power: true });
      }),
      { numRuns: RUNS },
    );
  });

  test('writes nothing more before it has cut what it has half written', async () => {
    const disk = createCrashingDisk(createSeededRandom(1));
    const spool = await open(disk);
    await spool.append(['whole'], 1);
    disk.failNext('write');
    disk.failNext('cut');
    await expect(spool.append(['torn'], 1)).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
    disk.failNext('cut');
    await expect(spool.append(['refused'], 1)).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
    await spool.append(['whole again'], 1);
    expect(await contentOf(disk)).toEqual({ texts: ['whole', 'whole again'], lost: 0 });
  });

  test('goes on once a full disk has room again, and has not filled it up with empty files', async () => {
    const disk = createCrashingDisk(createSeededRandom(1));
    const spool = await open(disk);
    await spool.append(['before'], 1);
    disk.capacity = 200;
    for (let attempt = 0; attempt < 50; attempt += 1)
      await expect(spool.append(['x'.repeat(100)], 1)).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
    expect(disk.paths()).toHaveLength(1);
    disk.capacity = Infinity;
    await spool.append(['after'], 1);
    expect(await contentOf(disk)).toEqual({ texts: ['before', 'after'], lost: 0 });
  });

  test('loses no more than what the disk has damaged, and shows how much that is at least', async () => {
    const disk = createCrashingDisk(createSeededRandom(1));
    const spool = await open(disk);
    await spool.append(['1', '2', '3'], 1);
    await spool.append(['4'], 1);
    const [segment = ''] = disk.paths();
    disk.damage(segment, 2 * RECORD_HEADER_BYTES); // the first text, behind the group's mark and its own header
    expect(await contentOf(disk)).toEqual({ texts: ['2', '3', '4'], lost: 1 });
    disk.damage(segment, RECORD_HEADER_BYTES + 1); // its length as well
    expect(await contentOf(disk)).toEqual({ texts: ['4'], lost: 1 });
    expect(await spool.peek(10, 100)).toEqual(['4']);
    await spool.drop(1);
    expect(spool.takeLost()).toBe(3);
    expect(spool.takeLost()).toBe(0);
  });

  test('shows what is lost where somebody removes its files, and goes on', async () => {
    const disk = createCrashingDisk(createSeededRandom(1));
    const spool = await open(disk);
    await spool.append(['x'.repeat(600)], 1);
    await spool.append(['x'.repeat(600)], 1);
    const [first = ''] = disk.paths();
    await disk.remove(first);
    expect(await spool.peek(10, 1e6)).toHaveLength(1);
    expect(spool.takeLost()).toBe(1);
    await spool.drop(1);
    expect(spool.isEmpty).toBe(true);
  });
});
