import { foldSubtrees } from '@aduana/core/audit/merkle';
import type { Database } from '@aduana/core/store/database';
import { foldComplete, TILE_HASHES } from './tree-reader.ts';

export interface FullTile {
  readonly level: number;
  readonly index: number;
  readonly root: Buffer;
  readonly hashes: Buffer;
}

/** The tree's right edge as tiles: takes leaves, tells the root, and hands out each tile that becomes full. */
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

  /** The right edge of what is integrated: at each level the hashes above the full tiles below; leaves follow from `size`. */
  static async load(reader: Database): Promise<TileAccumulator> {
    const { rows: counts } = await reader.query<{ level: number; full: number }>(
      'SELECT level, count(*) AS full FROM tiles GROUP BY level ORDER BY level',
    );
    const accumulator = new TileAccumulator();
    accumulator.#size = (counts[0]?.full ?? 0) * TILE_HASHES;
    accumulator.#partial.push([]);
    for (const { level, full } of counts) {
      const firstOfEdge = Math.floor(full / TILE_HASHES) * TILE_HASHES;
      const { rows } = await reader.query<{ root: Buffer }>(
        'SELECT root FROM tiles WHERE level = $1 AND index >= $2 ORDER BY index',
        [level, firstOfEdge],
      );
      accumulator.#partial.push(rows.map(({ root }) => root));
    }
    return accumulator;
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
