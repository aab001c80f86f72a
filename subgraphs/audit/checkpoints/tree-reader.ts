import {
  consistencyProofRanges,
  EMPTY_ROOT,
  foldSubtrees,
  inclusionProofRanges,
  type LeafRange,
  nodeHash,
  type Subtree,
  subtreesOf,
} from '@aduana/core/audit/merkle';
import { createBoundedCache } from '@aduana/core/platform/bounded-cache';
import type { Clock } from '@aduana/core/platform/clock';
import type { Database } from '@aduana/core/store/database';

/** Tiles hold the hashes of eight levels at once (c2sp.org/tlog-tiles). */
export const TILE_HEIGHT = 8;
export const TILE_HASHES = 256;
export const HASH_BYTES = 32;

/** What the Merkle tree proves, at any size up to the one that is integrated. */
export interface TreeReader {
  root(size: number): Promise<Buffer>;
  /** @throws RangeError when the tree has no such leaf */
  inclusionProof(index: number, size: number): Promise<readonly Buffer[]>;
  /** @throws RangeError when the sizes run backwards */
  consistencyProof(oldSize: number, size: number): Promise<readonly Buffer[]>;
  leaf(seq: number): Promise<Buffer>;
  /** The hashes of one tile, the first `width` of it. */
  tile(level: number, index: number, width: number): Promise<readonly Buffer[]>;
}

/** A missing hash is a hole in what the database holds: nothing can be proved over it. */
export class MissingHashError extends Error {
  override readonly name = 'MissingHashError';
}

const CACHED_TILES = 1024;

export function createTreeReader(reader: Database, clock: Clock): TreeReader {
  const full = createBoundedCache<readonly Buffer[]>(clock, CACHED_TILES);

  /** Level-8t nodes from `from` to `to`, all of one tile. */
  async function nodes(tileLevel: number, from: number, to: number): Promise<readonly Buffer[]> {
    const index = Math.floor(from / TILE_HASHES);
    const key = `${String(tileLevel)}/${String(index)}`;
    const cached = full.get(key);
    const start = from - index * TILE_HASHES;
    if (cached !== undefined) return cached.slice(start, start + to - from);
    const { rows } = await reader.query<{ hashes: Buffer }>(
      'SELECT hashes FROM tiles WHERE level = $1 AND index = $2',
      [tileLevel, index],
    );
    if (rows[0] !== undefined) {
      const hashes = splitHashes(rows[0].hashes);
      full.set(key, hashes);
      return hashes.slice(start, start + to - from);
    }
    const found = await rightEdge(tileLevel, from, to);
    if (found.length !== to - from) throw new MissingHashError(`a hash of tile ${key} is missing`);
    return found;
  }

  /** Nodes of a tile that is not full yet: leaves, or the hashes above the full tiles below. */
  async function rightEdge(tileLevel: number, from: number, to: number): Promise<readonly Buffer[]> {
    const { rows } =
      tileLevel === 0
        ? await reader.query<{ hash: Buffer }>(
            'SELECT leaf_hash AS hash FROM entries WHERE seq >= $1 AND seq < $2 ORDER BY seq',
            [from, to],
          )
        : await reader.query<{ hash: Buffer }>(
            'SELECT root AS hash FROM tiles WHERE level = $1 AND index >= $2 AND index < $3 ORDER BY index',
            [tileLevel - 1, from, to],
          );
    return rows.map(({ hash }) => hash);
  }

  async function subtreeHash({ level, index }: Subtree): Promise<Buffer> {
    const tileLevel = Math.floor(level / TILE_HEIGHT);
    const width = 2 ** (level % TILE_HEIGHT);
    return foldComplete(await nodes(tileLevel, index * width, (index + 1) * width));
  }

  async function rangeHash(range: LeafRange): Promise<Buffer> {
    return foldSubtrees(await Promise.all(subtreesOf(range).map(subtreeHash)));
  }

  return {
    root: (size) => rangeHash({ from: 0, to: size }),
    inclusionProof: async (index, size) => Promise.all(inclusionProofRanges(index, size).map(rangeHash)),
    consistencyProof: async (oldSize, size) =>
      Promise.all(consistencyProofRanges(oldSize, size).map(rangeHash)),
    leaf: (seq) => subtreeHash({ level: 0, index: seq }),
    tile: (level, index, width) => nodes(level, index * TILE_HASHES, index * TILE_HASHES + width),
  };
}

/** The hash of a complete subtree from its 2^k nodes. */
export function foldComplete(hashes: readonly Buffer[]): Buffer {
  let row = hashes;
  while (row.length > 1)
    row = Array.from({ length: row.length / 2 }, (_, pair) =>
      nodeHash(row[pair * 2] ?? EMPTY_ROOT, row[pair * 2 + 1] ?? EMPTY_ROOT),
    );
  return row[0] ?? EMPTY_ROOT;
}

/** The hashes of a full tile. */
export function splitHashes(bytes: Buffer): readonly Buffer[] {
  return Array.from({ length: bytes.length / HASH_BYTES }, (_, at) =>
    bytes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  );
}
