import { leafHash } from '@aduana/core/audit/merkle';
import type { Database } from '@aduana/core/store/database';
import { columnsOf, type StampedEvent } from '../log/entry-columns.ts';
import type { FullTile, TileAccumulator } from './tile-accumulator.ts';

/** What the database holds is not what was recorded, or not what was signed. */
export class TamperedError extends Error {
  override readonly name = 'TamperedError';
}

interface Row {
  readonly seq: number;
  readonly time: Date;
  readonly leaf_hash: Buffer;
  readonly canonical: string;
}

const COLUMNS = 'id, peer, time, type, outcome, actor, client_id, operation, trace_id, instance, boot_id, n';

/**
 * Re-computes everything that the log claims of its entries from `tree.size` up to `to`: that they are all there, their
 * hashes, the columns that they are found by, the tiles, and every checkpoint in between.
 *
 * @param tree grows by these entries
 * @param onEvent sees each event in order
 * @throws TamperedError at the first thing that does not hold
 */
export async function verifyEntries(
  reader: Database,
  tree: TileAccumulator,
  to: number,
  onEvent: (event: StampedEvent) => void,
): Promise<void> {
  const from = tree.size;
  const { rows } = await reader.query<Row>(
    `SELECT seq, leaf_hash, canonical, ${COLUMNS} FROM entries WHERE seq >= $1 AND seq < $2 ORDER BY seq`,
    [from, to],
  );
  const signed = await signedRoots(reader, from, to);
  const tiles: FullTile[] = [];
  for (const row of rows) {
    if (row.seq !== tree.size) break;
    onEvent(verifyRow(row));
    tiles.push(...tree.append(row.leaf_hash));
    for (const root of signed.get(tree.size) ?? [])
      if (!root.equals(tree.root()))
        throw new TamperedError(
          `the checkpoint of ${String(tree.size)} entries does not cover these entries`,
        );
  }
  if (tree.size < to) throw new TamperedError(`entry ${String(tree.size)} is missing`);
  await verifyTiles(reader, tiles);
}

function verifyRow(row: Row): StampedEvent {
  if (!leafHash(row.canonical).equals(row.leaf_hash))
    throw new TamperedError(`entry ${String(row.seq)} is not what was recorded`);
  const event = parseEvent(row);
  const stored = { ...row, time: row.time.toISOString() } as Readonly<Record<string, unknown>>;
  for (const [name, value] of Object.entries(columnsOf(event)))
    if (stored[name] !== value)
      throw new TamperedError(`column ${name} of entry ${String(row.seq)} is not what was recorded`);
  return event;
}

function parseEvent({ seq, canonical }: Row): StampedEvent {
  try {
    return JSON.parse(canonical) as StampedEvent;
  } catch {
    throw new TamperedError(`entry ${String(seq)} is not an event`);
  }
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
