import { openCheckpoint } from '@aduana/server-kit/audit/checkpoint';
import { ObjectStoreError } from '@aduana/server-kit/object-store/object-store';
import type { Database } from '@aduana/server-kit/store/database';
import type { MinimumIndex } from '../checkpoints/minimum-index.ts';
import type { CheckpointView, Proofs } from '../checkpoints/proofs.ts';
import type { StoredTimestamps } from '../checkpoints/stored-timestamps.ts';
import { TILE_HASHES } from '../checkpoints/tile-store.ts';
import type { TreeReader } from '../checkpoints/tree-reader.ts';
import { PARTITION_ENTRIES } from '../log/schema.ts';
import { readTile, TILE_TYPE } from '../reading/read-tile.ts';
import { formatTilePath, type TilePath } from '../reading/tile-path.ts';
import type { Bucket } from './bucket.ts';
import { inParallel } from './in-parallel.ts';
import { filledTiles, newTiles } from './new-tiles.ts';

/** What is published: all of it as the routes below `/audit` serve it. */
export interface PublishedParts {
  readonly reader: Database;
  readonly tree: Pick<TreeReader, 'tile'>;
  readonly proofs: Pick<Proofs, 'checkpoint' | 'stored'>;
  readonly minimumIndex: Pick<MinimumIndex, 'current' | 'note'>;
  readonly vkey: () => string;
  readonly vkeys: () => readonly string[];
  readonly witnessed: () => string | undefined;
  readonly timestamps: Pick<StoredTimestamps, 'last'>;
  /** Why the log is not whole; undefined while it is. */
  readonly contradiction: () => string | undefined;
}

/** One replica's publication, until the signal aborts. */
export interface Publication {
  readonly bucket: Bucket;
  readonly parts: PublishedParts;
  readonly signal: AbortSignal;
}

/** A checkpoint to publish, and what is published behind it. */
export interface NextCheckpoint {
  readonly checkpoint: CheckpointView;
  /** Whether it is the log's newest. */
  readonly isNewest: boolean;
  /** The signed minimum index; undefined while no entry is dropped. */
  readonly minimum: string | undefined;
}

/** Each takes a connection of the database for a moment. */
const AT_ONCE = 4;
export const VKEY = 'vkey';
const CHECKPOINT = 'checkpoint';
const MINIMUM_INDEX = 'minimum-index';
const REPLY_TYPE = 'application/timestamp-reply';

/**
 * How much of the log the bucket has, by its checkpoint.
 *
 * @throws ObjectStoreError where it has another log, or more than there is
 */
export async function publishedSize({ bucket, parts: { proofs, vkeys } }: Publication): Promise<number> {
  const note = await bucket.read(CHECKPOINT);
  if (note === undefined) return 0;
  const held = openCheckpoint(note.toString('utf8'), vkeys());
  if (held === undefined)
    throw new ObjectStoreError(
      'the checkpoint in the bucket is not of this log: publish below another prefix',
    );
  const { size } = await proofs.checkpoint();
  const isOurs = held.size <= size && (await proofs.checkpoint(held.size)).root.equals(held.root);
  if (!isOurs)
    throw new ObjectStoreError(
      `the bucket holds a tree of ${String(held.size)} entries that this log does not have: publish below another prefix`,
    );
  return held.size;
}

/**
 * The next checkpoint to publish: far behind, about one for each partition, so that what is done need not be done again.
 * Only stored ones are: nothing is signed for the bucket, and who writes to its cursor cannot ask for it.
 */
export async function nextCheckpoint(
  published: number,
  { bucket, parts: { proofs, minimumIndex } }: Publication,
): Promise<NextCheckpoint> {
  // before the checkpoint, which then covers the entry that announces it
  const minimum = await minimumIndex.note();
  const newest = await proofs.checkpoint();
  const step = (Math.floor(published / PARTITION_ENTRIES) + 1) * PARTITION_ENTRIES;
  // a tree without its dropped entries is whole only once the entry that announces them is in it
  const isStepping = step < newest.size && minimum === (await bucket.read(MINIMUM_INDEX))?.toString('utf8');
  const next = isStepping ? await proofs.stored(step) : undefined;
  if (next !== undefined && next.size < newest.size) return { checkpoint: next, isNewest: false, minimum };
  return { checkpoint: newest, isNewest: true, minimum };
}

/** Puts what a tree of `from` leaves lacks, then the checkpoint, then takes away the parts of tiles that are full now. */
export async function publishTree(
  from: number,
  { size, note }: CheckpointView,
  { bucket, parts, signal }: Publication,
): Promise<void> {
  const minimum = await parts.minimumIndex.current();
  const isKept = ({ level, index }: TilePath): boolean =>
    level !== 'entries' || index * TILE_HASHES >= minimum;
  const put = async (tile: TilePath): Promise<void> => {
    if (isKept(tile)) await bucket.putOnce(keyOf(tile), await readTile(tile, parts), TILE_TYPE);
  };
  await inParallel(newTiles(from, size), put, { limit: AT_ONCE, signal });
  await bucket.putChanging(VKEY, Buffer.from(`${parts.vkey()}\n`));
  await bucket.putChanging(CHECKPOINT, Buffer.from(note));
  await removeParts(from, size, bucket);
}

/** A reader that looks for a part of a tile which is full now takes the full one. */
export async function removeParts(from: number, to: number, bucket: Bucket): Promise<void> {
  for (const tile of filledTiles(from, to)) await bucket.removeBelow(`${keyOf(tile)}.p/`);
}

/** Removes the parts of tiles that a tree of `begun` leaves has and the published one of `from` has not. */
export async function removeBegunParts(from: number, begun: number, bucket: Bucket): Promise<void> {
  for (const tile of newTiles(from, begun)) if (tile.width < TILE_HASHES) await bucket.remove(keyOf(tile));
}

/** Says in the bucket which entries are dropped; whoever reads it there finds their bundles missing with reason. */
export async function publishMinimumIndex(note: string | undefined, bucket: Bucket): Promise<void> {
  if (note !== undefined) await bucket.putChanging(MINIMUM_INDEX, Buffer.from(note));
}

/** Removes the bundles of the entries `from` up to, not including, `to`. */
export async function removeBundles(
  from: number,
  to: number,
  { bucket, signal }: Pick<Publication, 'bucket' | 'signal'>,
): Promise<void> {
  const indexes = Array.from({ length: (to - from) / TILE_HASHES }, (_, at) => from / TILE_HASHES + at);
  const remove = (index: number): Promise<void> =>
    bucket.remove(keyOf({ level: 'entries', index, width: TILE_HASHES }));
  await inParallel(indexes, remove, { limit: AT_ONCE, signal });
}

/** What others vouch for, as far as the published tree reaches. */
export async function publishAttestations(size: number, { bucket, parts }: Publication): Promise<void> {
  const witnessed = parts.witnessed();
  if (witnessed !== undefined && Number(witnessed.split('\n')[1]) <= size)
    await bucket.putChanging('checkpoint/witnessed', Buffer.from(witnessed));
  const stamped = await parts.timestamps.last();
  if (stamped === undefined || stamped.size > size) return;
  await bucket.putChanging('checkpoint/timestamped', Buffer.from(stamped.note));
  await bucket.putChanging('checkpoint/timestamp', stamped.response, REPLY_TYPE);
}

function keyOf(tile: TilePath): string {
  return `tile/${formatTilePath(tile)}`;
}
