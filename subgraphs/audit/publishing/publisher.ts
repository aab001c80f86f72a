import type { Clock } from '@aduana/core/platform/clock';
import { describeError, type Log } from '@aduana/core/platform/log';
import type { ObjectStore } from '@aduana/server-kit/object-store/object-store';
import { type Claim, ClaimedWork } from '../shippers/claimed-work.ts';
import type { CheckpointView } from '../checkpoints/proofs.ts';
import type { SinkCursors } from '../shippers/sink-cursors.ts';
import type { StreamCursor } from '../shippers/stream-record.ts';
import { Bucket, type ObjectOutcome } from './bucket.ts';
import {
  nextCheckpoint,
  type Publication,
  publishAttestations,
  type PublishedParts,
  publishedSize,
  publishMinimumIndex,
  publishTree,
  removeBegunParts,
  removeBundles,
  removeParts,
  VKEY,
} from './publish-log.ts';

export interface PublisherOptions {
  /** `s3://bucket/prefix`: under this name stand its cursors. */
  readonly location: string;
  readonly open: () => Promise<ObjectStore>;
  readonly cursors: SinkCursors;
  readonly parts: PublishedParts;
  /** How long to wait between two checkpoints, in milliseconds. */
  readonly intervalMilliseconds: number;
  /** Whether entries that the log drops are removed from the bucket. */
  readonly dropsEntries: boolean;
  readonly count: (outcome: ObjectOutcome | 'failed') => void;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Publishes the log into a bucket, as the routes below `/audit` serve it, one replica at a time. A checkpoint is put after
 * everything that it covers. What the bucket's own checkpoint covers is there already; of the cursor, `seq` is what was
 * published and `checkpointSize` what was begun, parts of tiles included.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #work: ClaimedWork;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#work = new ClaimedWork({
      ...options,
      name: options.location,
      work: (claim) => this.#publish(claim),
    });
  }

  get name(): string {
    return this.#options.location;
  }

  /** What keeps the log from the bucket; undefined while it is published. */
  get lastError(): string | undefined {
    return this.#work.lastError;
  }

  stop(): Promise<void> {
    return this.#work.stop();
  }

  async #publish({ cursor, signal, progressed }: Claim): Promise<void> {
    const { open, count, parts, clock, intervalMilliseconds } = this.#options;
    const bucket = new Bucket(await open(), count);
    const close = (): void => {
      bucket.close();
    };
    signal.addEventListener('abort', close, { once: true });
    try {
      const publication = { bucket, parts, signal };
      const reached = await this.#resume(cursor, publication);
      while (!signal.aborted) {
        const isNewest = await this.#publishNext(reached, publication);
        progressed();
        if (isNewest) await clock.sleep(intervalMilliseconds, signal).catch(() => undefined);
      }
    } catch (error) {
      if (signal.aborted) return;
      count('failed');
      throw error;
    } finally {
      signal.removeEventListener('abort', close);
      close();
    }
  }

  /** Whoever published last may have been killed behind a checkpoint, or before one. */
  async #resume(cursor: StreamCursor, publication: Publication): Promise<Reached> {
    const { bucket, parts } = publication;
    const published = await publishedSize(publication);
    await bucket.probe(VKEY, Buffer.from(`${parts.vkey()}\n`));
    await removeParts(cursor.seq, published, bucket);
    const isNew = published === 0 && cursor.seq === 0;
    // into a new bucket nothing goes that is dropped already
    return {
      published,
      begun: cursor.checkpointSize,
      dropped: isNew ? await parts.minimumIndex.current() : 0,
    };
  }

  /**
   * One checkpoint; what was begun is ended first, so that no part of a tile is forgotten.
   *
   * @returns whether the bucket has the newest
   */
  async #publishNext(reached: Reached, publication: Publication): Promise<boolean> {
    const { parts, bucket } = publication;
    const contradiction = parts.contradiction();
    if (contradiction !== undefined) throw new Error(`the log is not whole: ${contradiction}`);
    const next = await nextCheckpoint(reached.published, publication);
    const ending = await this.#ending(reached, next.checkpoint.size, publication);
    const isEnding = ending !== undefined;
    const checkpoint = ending ?? next.checkpoint;
    const isLonger = checkpoint.size > reached.published;
    if (isLonger) await this.#advance(reached.published, checkpoint.size);
    await publishTree(reached.published, checkpoint, publication);
    if (isLonger) await this.#advance(checkpoint.size, checkpoint.size);
    reached.published = checkpoint.size;
    reached.begun = Math.max(reached.begun, checkpoint.size);
    if (isEnding || !next.isNewest) return false;
    await publishMinimumIndex(next.minimum, bucket);
    await this.#dropEntries(next.minimum, reached, publication);
    await this.#publishAttestations(checkpoint.size, publication);
    return true;
  }

  /** What was begun, if it is a stored checkpoint; of anything else in the cursor only the parts of tiles are removed. */
  async #ending(
    { begun, published }: Reached,
    size: number,
    { parts, bucket }: Publication,
  ): Promise<CheckpointView | undefined> {
    if (begun <= published || begun >= size) return undefined;
    const stored = await parts.proofs.stored(begun);
    if (stored?.size === begun) return stored;
    await removeBegunParts(published, begun, bucket);
    return undefined;
  }

  async #advance(seq: number, checkpointSize: number): Promise<void> {
    const { location, cursors } = this.#options;
    if (!(await cursors.advance(location, { seq, checkpointSize }, [])))
      throw new Error('another replica publishes to this bucket');
  }

  /** The bundles below the minimum index that the bucket states; a cursor of its own says up to where they are gone. */
  async #dropEntries(note: string | undefined, reached: Reached, publication: Publication): Promise<void> {
    const { location, cursors, dropsEntries } = this.#options;
    const minimum = statedIn(note);
    if (!dropsEntries || reached.dropped >= minimum) return;
    const name = `${location} dropped`;
    const cursor = await cursors.claim(name);
    if (cursor === undefined) return; // whoever published before may be at it
    const from = Math.max(reached.dropped, cursor.seq);
    if (from < minimum) await removeBundles(from, minimum, publication);
    await cursors.advance(name, { seq: minimum, checkpointSize: 0 }, []);
    reached.dropped = minimum;
  }

  /** Nobody needs them to verify the log: a store that does not take them still gets everything else. */
  async #publishAttestations(size: number, publication: Publication): Promise<void> {
    const { location, log } = this.#options;
    await publishAttestations(size, publication).catch((error: unknown) => {
      log.warn('what witnesses and time stamp authorities signed is not published', {
        sink: location,
        error: describeError(error),
      });
    });
  }
}

/** How far one life of the publication has come. */
interface Reached {
  /** Entries under the bucket's checkpoint. */
  published: number;
  /** The largest tree of which parts may be in the bucket. */
  begun: number;
  /** Entries below have no bundles in the bucket any more. */
  dropped: number;
}

/** The index that a minimum index note states; 0 where there is none. */
function statedIn(note: string | undefined): number {
  return Number(/^minimum index (\d+)$/m.exec(note ?? '')?.[1] ?? 0);
}
