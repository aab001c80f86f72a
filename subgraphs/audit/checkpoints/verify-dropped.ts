import type { Database } from '@aduana/server-kit/store/database';
import { TamperedError } from './tampered-error.ts';
import type { TileAccumulator } from './tile-accumulator.ts';
import { HASH_BYTES } from './tile-nodes.ts';
import { TILE_HASHES } from './tile-store.ts';

import { verifyLeaves } from './verify-leaves.ts';

/**
 * Holds what is left of dropped entries, their leaf hashes, against tiles and checkpoints, from `tree.size` up to `to`,
 * where a tile ends.
 *
 * @param tree grows by these leaves
 * @throws TamperedError at the first thing that does not hold
 */
export async function verifyDropped(reader: Database, tree: TileAccumulator, to: number): Promise<void> {
  const { rows } = await reader.query<{ index: number; hashes: Buffer }>(
    'SELECT index, hashes FROM tiles WHERE level = 0 AND index >= $1 AND index < $2 ORDER BY index',
    [Math.floor(tree.size / TILE_HASHES), to / TILE_HASHES],
  );
  for (const { index, hashes } of rows) {
    const skipped = tree.size - index * TILE_HASHES;
    if (skipped < 0) break;
    await verifyLeaves(reader, tree, splitHashes(hashes).slice(skipped));
  }
  if (tree.size < to) throw new TamperedError(`the hash of entry ${String(tree.size)} is missing`);
}

function splitHashes(bytes: Buffer): readonly Buffer[] {
  return Array.from({ length: bytes.length / HASH_BYTES }, (_, at) =>
    bytes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  );
}
