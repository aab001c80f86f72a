import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '@aduana/core/platform/clock';
import { describeError, type Log } from '@aduana/core/platform/log';
import { every, type Repeating } from '@aduana/core/platform/every';
import { createMutex } from '@aduana/core/platform/mutex';
import type { Database } from '@aduana/server-kit/store/database';
import type { MinimumIndex } from './minimum-index.ts';
import type { Hole, OverBound } from './peer-account.ts';
import { SourceLedger } from './source-ledger.ts';
import { TileAccumulator } from './tile-accumulator.ts';
import type { TreeReader } from './tree-reader.ts';
import { TamperedError } from './tampered-error.ts';
import { verifyDropped } from './verify-dropped.ts';
import { readVerified, writeVerified } from './verified-file.ts';
import { verifyKept } from './verify-kept.ts';

export interface IntegrityWatchOptions {
  readonly reader: Database;
  readonly tree: TreeReader;
  readonly clock: Clock;
  readonly log: Log;
  /** Where what is verified is remembered, outside the database. */
  readonly file: string;
  /** How many entries are signed: no more is verified. */
  readonly signedSize: () => Promise<number>;
  readonly minimumIndex: Pick<MinimumIndex, 'verified'>;
  readonly onTampered: (reason: string) => void;
  readonly onIncomplete: (
    holes: readonly Hole[],
    openIntents: number,
    overBound: readonly OverBound[],
  ) => void;
}

const PAUSE_MS = 30_000;
const ENTRIES_AT_ONCE = 500;
const HASHES_AT_ONCE = 8192;
/** The pause after a piece of work, in its own length: one part in twenty is a share of 5 %. */
const REST = 19;
/** A mutation is answered long before that. */
const INTENT_PATIENCE_MS = 120_000;

interface Observer {
  readonly onEvent: Parameters<typeof verifyKept>[3];
  /** Entries are passed over whose texts are gone. */
  readonly onDropped: () => void;
}

/** Verifies what is new every half minute, and everything again and again within a share of the processor. */
export class IntegrityWatch {
  readonly #options: IntegrityWatchOptions;
  readonly #stopped = new AbortController();
  readonly #loops: readonly Repeating[];
  readonly #inTurn = createMutex();
  #verified = new TileAccumulator();
  #ledger = new SourceLedger();
  #lastFinding = '';
  #lastRunAt: number | undefined;
  #lastFullRunAt: number | undefined;

  private constructor(options: IntegrityWatchOptions) {
    this.#options = options;
    const onError = (error: unknown): void => {
      options.log.warn('the log could not be verified', { error: describeError(error) });
    };
    this.#loops = [
      every(options.clock, () => PAUSE_MS, () => this.verifyNew(), onError), // prettier-ignore
      every(options.clock, () => PAUSE_MS, () => this.verifyAll(), onError), // prettier-ignore
    ];
  }

  /** Goes on where the last run ended, if the log still is what it was then. */
  static async start(options: IntegrityWatchOptions): Promise<IntegrityWatch> {
    await mkdir(dirname(options.file), { recursive: true, mode: 0o700 });
    const watch = new IntegrityWatch(options);
    await watch.#restore();
    return watch;
  }

  get verifiedSize(): number {
    return this.#verified.size;
  }

  /** Milliseconds since the epoch: when what is new was verified last. */
  get lastRunAt(): number | undefined {
    return this.#lastRunAt;
  }

  /** Milliseconds since the epoch: when everything was verified last. */
  get lastFullRunAt(): number | undefined {
    return this.#lastFullRunAt;
  }

  holes(): readonly Hole[] {
    return this.#ledger.holes();
  }

  overBound(): readonly OverBound[] {
    return this.#ledger.overBound();
  }

  openIntents(): number {
    return this.#ledger.openIntentsBefore(this.#options.clock.now() - INTENT_PATIENCE_MS);
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#loops.map((loop) => loop.stop()));
  }

  /** Verifies what was signed since the last time. */
  verifyNew(): Promise<void> {
    return this.#inTurn(() => this.#verifyNew());
  }

  async #verifyNew(): Promise<void> {
    const before = this.#verified.size;
    await this.#verify(this.#verified, {
      onEvent: (event) => {
        this.#ledger.add(event);
      },
      onDropped: () => {
        this.#ledger = SourceLedger.beginningLate();
      },
    });
    if (this.#verified.size > before) await this.#remember();
    this.#lastRunAt = this.#options.clock.now();
    this.#tellIncomplete();
  }

  /** Verifies everything from the first entry on; of dropped ones, their hashes. */
  async verifyAll(): Promise<void> {
    await this.#verify(new TileAccumulator(), { onEvent: () => undefined, onDropped: () => undefined });
    if (!this.#stopped.signal.aborted) this.#lastFullRunAt = this.#options.clock.now();
  }

  async #verify(tree: TileAccumulator, observer: Observer): Promise<void> {
    const { clock, onTampered } = this.#options;
    try {
      const size = await this.#options.signedSize();
      while (tree.size < size && !this.#stopped.signal.aborted) {
        const began = clock.monotonic();
        await this.#verifySome(tree, size, observer);
        const pause = (clock.monotonic() - began) * REST;
        if (tree.size < size) await clock.sleep(pause, this.#stopped.signal).catch(() => undefined);
      }
    } catch (error) {
      if (!(error instanceof TamperedError)) throw error;
      onTampered(error.message);
    }
  }

  async #verifySome(tree: TileAccumulator, size: number, { onEvent, onDropped }: Observer): Promise<void> {
    const { reader, minimumIndex } = this.#options;
    const minimum = await minimumIndex.verified();
    if (tree.size < minimum) {
      onDropped();
      await verifyDropped(reader, tree, Math.min(alignedAfter(tree.size), minimum));
    } else await verifyKept(reader, tree, Math.min(tree.size + ENTRIES_AT_ONCE, size), onEvent, minimumIndex);
  }

  #tellIncomplete(): void {
    const holes = this.holes();
    const openIntents = this.openIntents();
    const overBound = this.overBound();
    const finding = JSON.stringify([holes, openIntents, overBound.map(({ peer }) => peer)]);
    if (finding === this.#lastFinding) return;
    this.#lastFinding = finding;
    if (holes.length > 0 || openIntents > 0 || overBound.length > 0)
      this.#options.onIncomplete(holes, openIntents, overBound);
  }

  async #remember(): Promise<void> {
    const { size } = this.#verified;
    const root = this.#verified.root().toString('hex');
    await writeVerified(this.#options.file, { size, root, ledger: this.#ledger });
  }

  async #restore(): Promise<void> {
    const { file, tree, log } = this.#options;
    try {
      const { size, root, ledger } = await readVerified(file);
      if ((await tree.root(size)).toString('hex') !== root) return;
      const edge = await TileAccumulator.at(tree, size);
      if (edge.root().toString('hex') !== root) return;
      this.#ledger = ledger;
      this.#verified = edge;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        log.warn('what was verified before is not known: everything is verified again', {
          error: describeError(error),
        });
    }
  }
}

function alignedAfter(size: number): number {
  return (Math.floor(size / HASHES_AT_ONCE) + 1) * HASHES_AT_ONCE;
}
