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

  /** The right edge of the tree of `size` leaves. */
  static async at(reader: Database, size: number): Promise<TileAccumulator> {
    const accumulator = new TileAccumulator();
    accumulator.#size = size;
    for (
      let level = 0, nodes = size;
      level === 0 || nodes > 0;
      level += 1, nodes = Math.floor(nodes / TILE_HASHES)
    ) {
      const edge = Math.floor(nodes / TILE_HASHES) * TILE_HASHES;
      const { rows } = await reader.query<{ hash: Buffer }>(
        level === 0
          ? 'SELECT leaf_hash AS hash FROM entries WHERE seq >= $1 AND seq < $2 ORDER BY seq'
          : `SELECT root AS hash FROM tiles WHERE level = ${String(level - 1)} AND index >= $1 AND index < $2 ORDER BY index`,
        [edge, nodes],
      );
      accumulator.#partial[level] = rows.map(({ hash }) => hash);
    }
    return accumulator;
  }

  /** The right edge of the full tiles: leaves follow from its size. */
  static async load(reader: Database): Promise<TileAccumulator> {
    const { rows } = await reader.query<{ full: number }>(
      'SELECT count(*) AS full FROM tiles WHERE level = 0',
    );
    return TileAccumulator.at(reader, (rows[0]?.full ?? 0) * TILE_HASHES);
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
