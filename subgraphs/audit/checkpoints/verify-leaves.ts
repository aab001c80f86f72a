import type { Database } from '@aduana/server-kit/store/database';
import { TamperedError } from './tampered-error.ts';
import type { FullTile, TileAccumulator } from './tile-accumulator.ts';

/**
 * Grows a tree by leaf hashes, and holds it against every checkpoint and tile on the way.
 *
 * @throws TamperedError at the first that is not the one of these leaves
 */
export async function verifyLeaves(
  reader: Database,
  tree: TileAccumulator,
  leaves: readonly Buffer[],
): Promise<void> {
  const signed = await signedRoots(reader, tree.size, tree.size + leaves.length);
  const tiles: FullTile[] = [];
  for (const leaf of leaves) {
    tiles.push(...tree.append(leaf));
    for (const root of signed.get(tree.size) ?? [])
      if (!root.equals(tree.root()))
        throw new TamperedError(
          `the checkpoint of ${String(tree.size)} entries does not cover these entries`,
        );
  }
  await verifyTiles(reader, tiles);
}

async function signedRoots(
  reader: Database,
  from: number,
  to: number,
): Promise<ReadonlyMap<number, readonly Buffer[]>> {
  const { rows } = await reader.query<{ size: number; root: Buffer }>(
    'SELECT DISTINCT size, root FROM checkpoints WHERE size > $1 AND size <= $2',
    [from, to],
  );
  const roots = new Map<number, Buffer[]>();
  for (const { size, root } of rows) roots.set(size, [...(roots.get(size) ?? []), root]);
  return roots;
}

/** Tiles are written with the checkpoint that first covers them; one that is not there yet is not missed. */
async function verifyTiles(reader: Database, tiles: readonly FullTile[]): Promise<void> {
  for (const { level, index, root, hashes } of tiles) {
    const { rows } = await reader.query<{ root: Buffer; hashes: Buffer }>(
      'SELECT root, hashes FROM tiles WHERE level = $1 AND index = $2',
      [level, index],
    );
    const [stored] = rows;
    if (stored !== undefined && !(stored.root.equals(root) && stored.hashes.equals(hashes)))
      throw new TamperedError(`tile ${String(level)}/${String(index)} is not the one of these entries`);
  }
}
