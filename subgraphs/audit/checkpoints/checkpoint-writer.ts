import { type Checkpoint, type NoteSigner, signCheckpoint } from '@aduana/core/audit/checkpoint';
import type { Clock } from '@aduana/core/platform/clock';
import type { Log } from '@aduana/core/platform/log';
import type { Database, Queryable } from '@aduana/core/store/database';
import type { CheckpointGuard } from './checkpoint-guard.ts';
import { type FullTile, TileAccumulator } from './tile-accumulator.ts';
import { MissingHashError, type TreeReader } from './tree-reader.ts';

export interface CheckpointWriterOptions {
  readonly reader: Database;
  readonly writer: Database;
  readonly guard: CheckpointGuard;
  readonly signer: NoteSigner;
  readonly treeReader: TreeReader;
  readonly clock: Clock;
  readonly log: Log;
  readonly onSigned: (checkpoint: Checkpoint, note: string) => void;
}

export interface CheckpointWriter {
  /** Integrates what is new and signs it; does nothing where nothing grew and the last note is young. */
  advance(): Promise<void>;
  /** Why nothing is signed any more; undefined while the log is whole. */
  readonly contradiction: string | undefined;
}

const LEAVES_PER_READ = 8192;
const IDLE_MS = 60_000;

/**
 * Makes checkpoints. Any replica may: the tree is the same for all, and one at a time signs. What contradicts the last
 * checkpoint that was seen here is never signed.
 */
export async function createCheckpointWriter(options: CheckpointWriterOptions): Promise<CheckpointWriter> {
  const { reader, writer, guard, signer, clock, log } = options;
  let tree = await TileAccumulator.load(reader);
  let isCompared = false;
  let signedAt = -Infinity;
  let contradiction: string | undefined;

  async function advance(): Promise<void> {
    if (contradiction !== undefined) return;
    const size = (await reader.query<{ size: number }>('SELECT size FROM head')).rows[0]?.size ?? 0;
    const known = guard.last?.size ?? -1;
    if (size < known || size < tree.size) {
      refuse(`the log holds ${String(size)} entries where ${String(Math.max(known, tree.size))} were signed`);
      return;
    }
    if (!isCompared && !(await holdsSignedTree())) return;
    isCompared = true;
    if (size === known && tree.size === size && clock.now() - signedAt < IDLE_MS) return;
    const grown = tree.copy();
    const tiles = await integrate(grown, size);
    if (tiles === undefined) return;
    await sign(grown, tiles);
  }

  /** Appends leaves up to `size`; undefined when they contradict what was signed, or are not all there. */
  async function integrate(grown: TileAccumulator, size: number): Promise<readonly FullTile[] | undefined> {
    const tiles: FullTile[] = [];
    if (!fitsGuard(grown)) return undefined;
    while (grown.size < size) {
      const from = grown.size;
      const { rows } = await reader.query<{ seq: number; leaf_hash: Buffer }>(
        'SELECT seq, leaf_hash FROM entries WHERE seq >= $1 AND seq < $2 ORDER BY seq',
        [from, Math.min(from + LEAVES_PER_READ, size)],
      );
      for (const { seq, leaf_hash: leaf } of rows) {
        if (seq !== grown.size) break;
        tiles.push(...grown.append(leaf));
        if (!fitsGuard(grown)) return undefined;
      }
      if (grown.size === from || grown.size < Math.min(from + LEAVES_PER_READ, size)) {
        refuse(`entry ${String(grown.size)} is missing`);
        return undefined;
      }
    }
    return tiles;
  }

  /** Whether the database still has the tree that was signed last; what is integrated may be ahead of it. */
  async function holdsSignedTree(): Promise<boolean> {
    const { last } = guard;
    if (last === undefined) return true;
    try {
      if (last.root.equals(await options.treeReader.root(last.size))) return true;
      refuse(`the tree of ${String(last.size)} entries is not the one that was signed`);
    } catch (error) {
      if (!(error instanceof MissingHashError)) throw error;
      refuse(error.message);
    }
    return false;
  }

  function fitsGuard(grown: TileAccumulator): boolean {
    if (guard.last?.size !== grown.size || guard.last.root.equals(grown.root())) return true;
    refuse(`the tree of ${String(grown.size)} entries is not the one that was signed`);
    return false;
  }

  async function sign(grown: TileAccumulator, tiles: readonly FullTile[]): Promise<void> {
    const checkpoint = { origin: signer.name, size: grown.size, root: grown.root() };
    const note = signCheckpoint(checkpoint, [signer]);
    const isNew = guard.last?.size !== grown.size;
    const isSigned = await writer.tryExclusively('checkpoint', async (transaction) => {
      if (isNew) await guard.remember(checkpoint, note); // before anybody can see it
      await store(transaction, checkpoint, note, tiles);
      return true;
    });
    if (isSigned !== true) return;
    tree = grown;
    signedAt = clock.now();
    options.onSigned(checkpoint, note);
  }

  async function store(
    transaction: Queryable,
    { size, root }: Checkpoint,
    note: string,
    tiles: readonly FullTile[],
  ) {
    for (const { level, index, root: above, hashes } of tiles)
      await transaction.query(
        'INSERT INTO tiles (level, index, root, hashes) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
        [level, index, above, hashes],
      );
    const { rows } = await transaction.query<{ size: number }>(
      'SELECT size FROM checkpoints ORDER BY number DESC LIMIT 1',
    );
    if ((rows[0]?.size ?? -1) > size) return; // another replica is ahead
    await transaction.query('INSERT INTO checkpoints (size, root, note, signed_at) VALUES ($1, $2, $3, $4)', [
      size,
      root,
      note,
      new Date(clock.now()).toISOString(),
    ]);
  }

  function refuse(reason: string): void {
    contradiction = reason;
    log.error('the log contradicts its last checkpoint: nothing is signed any more', { reason });
  }

  return { advance, get contradiction() { return contradiction; } }; // prettier-ignore
}
