import { EMPTY_ROOT, foldSubtrees, nodeHash } from '@aduana/server-kit/audit/merkle';
import type { Database } from '@aduana/server-kit/store/database';
import { MissingHashError, TILE_HASHES } from './tile-store.ts';
import type { TreeReader } from './tree-reader.ts';

export interface FullTile {
  readonly level: number;
  readonly index: number;
  readonly root: Buffer;
  readonly hashes: Buffer;
}

/** The tree's right edge as tiles: takes leaves, computes the root, and hands out each tile that becomes full. */
export class TileAccumulator {
  #size = 0;
  /** For each tile level, the hashes of the tile that is not full yet. */
  readonly #partial: Buffer[][] = [];

  get size(): number {
    return this.#size;
  }

  copy(): TileAccumulator {
    const copy = new TileAccumulator();
    copy.#size = this.#size;
    copy.#partial.push(...this.#partial.map((hashes) => [...hashes]));
    return copy;
  }

  /** @returns the tiles that this leaf completes, lowest level first */
  append(leaf: Buffer): readonly FullTile[] {
    const completed: FullTile[] = [];
    this.#size += 1;
    let hash = leaf;
    let nodes = this.#size;
    for (let level = 0; ; level += 1) {
      const partial = (this.#partial[level] ??= []);
      partial.push(hash);
      if (partial.length < TILE_HASHES) return completed;
      nodes /= TILE_HASHES;
      hash = foldComplete(partial);
      completed.push({ level, index: nodes - 1, root: hash, hashes: Buffer.concat(partial) });
      this.#partial[level] = [];
    }
  }

  root(): Buffer {
    const subtrees = this.#partial.toReversed().flatMap(completeSubtrees);
    return foldSubtrees(subtrees);
  }

  /** The right edge of the tree of `size` leaves. */
  static async at(tree: Pick<TreeReader, 'tile'>, size: number): Promise<TileAccumulator> {
    const accumulator = new TileAccumulator();
    accumulator.#size = size;
    for (let level = 0, nodes = size; nodes > 0; level += 1, nodes = Math.floor(nodes / TILE_HASHES)) {
      const width = nodes % TILE_HASHES;
      const hashes = width === 0 ? [] : await tree.tile(level, Math.floor(nodes / TILE_HASHES), width);
      accumulator.#partial[level] = [...hashes];
    }
    return accumulator;
  }

  /** The right edge of the full tiles: leaves follow from its size. Of tiles that do not fit together, none. */
  static async load(reader: Database, tree: Pick<TreeReader, 'tile'>): Promise<TileAccumulator> {
    const { rows } = await reader.query<{ full: number }>(
      'SELECT coalesce(max(index) + 1, 0) AS full FROM tiles WHERE level = 0',
    );
    return TileAccumulator.at(tree, (rows[0]?.full ?? 0) * TILE_HASHES).catch((error: unknown) => {
      if (error instanceof MissingHashError) return new TileAccumulator();
      throw error;
    });
  }
}

/** The complete subtrees that a tile which is not full is made of, left to right. */
function completeSubtrees(hashes: readonly Buffer[]): readonly Buffer[] {
  const subtrees: Buffer[] = [];
  for (let at = 0; at < hashes.length;) {
    let width = TILE_HASHES / 2;
    while (width > hashes.length - at) width /= 2;
    subtrees.push(foldComplete(hashes.slice(at, at + width)));
    at += width;
  }
  return subtrees;
}

/** The hash of a complete subtree from its 2^k nodes. */
function foldComplete(hashes: readonly Buffer[]): Buffer {
  let row = hashes;
  while (row.length > 1)
    row = Array.from({ length: row.length / 2 }, (_, pair) =>
      nodeHash(row[pair * 2] ?? EMPTY_ROOT, row[pair * 2 + 1] ?? EMPTY_ROOT),
    );
  return row[0] ?? EMPTY_ROOT;
}
