import {
  consistencyProofRanges,
  EMPTY_ROOT,
  foldSubtrees,
  inclusionProofRanges,
  type LeafRange,
  type Subtree,
  subtreesOf,
} from '@aduana/server-kit/audit/merkle';
import type { Clock } from '@aduana/core/platform/clock';
import type { Database } from '@aduana/server-kit/store/database';
import { createTileStore, type LoadedTiles, TILE_HASHES, type WantedTile } from './tile-store.ts';

const TILE_HEIGHT = 8;

export interface ProvenLeaf {
  readonly leaf: Buffer;
  /** Leaf to root. */
  readonly hashes: readonly Buffer[];
}

/** What the Merkle tree proves, at any size up to the one that is integrated. */
export interface TreeReader {
  root(size: number): Promise<Buffer>;
  /** @throws RangeError when the tree has no such leaf */
  inclusionProof(index: number, size: number): Promise<ProvenLeaf>;
  /** @throws RangeError when the sizes run backwards */
  consistencyProof(oldSize: number, size: number): Promise<readonly Buffer[]>;
  /** The hashes of one tile, the first `width` of it. */
  tile(level: number, index: number, width: number): Promise<readonly Buffer[]>;
}

export function createTreeReader(reader: Database, clock: Clock): TreeReader {
  const store = createTileStore(reader, clock);

  async function hashesOf(ranges: readonly LeafRange[]): Promise<readonly Buffer[]> {
    const subtrees = ranges.map(subtreesOf);
    const tiles = await store.load(subtrees.flat().map(tileOf));
    return subtrees.map((parts) => foldSubtrees(parts.map((subtree) => hashOf(subtree, tiles))));
  }

  return {
    root: async (size) => (await hashesOf([{ from: 0, to: size }]))[0] ?? EMPTY_ROOT,
    async inclusionProof(index, size) {
      const proof = inclusionProofRanges(index, size);
      const [leaf = EMPTY_ROOT, ...hashes] = await hashesOf([{ from: index, to: index + 1 }, ...proof]);
      return { leaf, hashes };
    },
    consistencyProof: async (oldSize, size) => hashesOf(consistencyProofRanges(oldSize, size)),
    async tile(level, index, width) {
      const tiles = await store.load([{ level, index, width }]);
      const nodes = tiles(level, index);
      return Array.from({ length: width }, (_, at) => nodes.node(0, at));
    },
  };
}

/** The tile that holds the nodes of a subtree. */
function tileOf({ level, index }: Subtree): WantedTile {
  const nodes = 2 ** (level % TILE_HEIGHT);
  const end = (index + 1) * nodes;
  const tile = Math.floor((end - 1) / TILE_HASHES);
  return { level: Math.floor(level / TILE_HEIGHT), index: tile, width: end - tile * TILE_HASHES };
}

function hashOf(subtree: Subtree, tiles: LoadedTiles): Buffer {
  const { level, index, width: end } = tileOf(subtree);
  const height = subtree.level % TILE_HEIGHT;
  return tiles(level, index).node(height, end / 2 ** height - 1);
}
