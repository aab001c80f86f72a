import { nodeHash } from '@aduana/server-kit/audit/merkle';

export const HASH_BYTES = 32;

/** The hashes of a tile and the nodes over them, each of which is hashed once. */
export class TileNodes {
  /** At height k the roots of 2^k hashes each, as far as they are complete. */
  readonly #rows: Buffer[];

  /** @param hashes one after the other */
  constructor(hashes: Buffer) {
    this.#rows = [hashes];
  }

  get width(): number {
    return (this.#rows[0]?.length ?? 0) / HASH_BYTES;
  }

  /** The root of the hashes `index * 2^height` up to `(index + 1) * 2^height`. */
  node(height: number, index: number): Buffer {
    return hashAt(this.#row(height), index);
  }

  #row(height: number): Buffer {
    const known = this.#rows[height];
    if (known !== undefined) return known;
    const below = this.#row(height - 1);
    const row = Buffer.concat(
      Array.from({ length: Math.floor(below.length / (2 * HASH_BYTES)) }, (_, pair) =>
        nodeHash(hashAt(below, pair * 2), hashAt(below, pair * 2 + 1)),
      ),
    );
    this.#rows[height] = row;
    return row;
  }
}

function hashAt(row: Buffer, index: number): Buffer {
  return row.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
}
