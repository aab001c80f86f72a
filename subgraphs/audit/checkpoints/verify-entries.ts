import { leafHash } from '@aduana/server-kit/audit/merkle';
import type { Database } from '@aduana/server-kit/store/database';
import { columnsOf, type StampedEvent } from '../log/entry-columns.ts';
import { isObject } from '../log/parse-events.ts';
import { TamperedError } from './tampered-error.ts';
import type { TileAccumulator } from './tile-accumulator.ts';
import { verifyLeaves } from './verify-leaves.ts';

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
  const gap = rows.findIndex(({ seq }, at) => seq !== from + at);
  const whole = gap < 0 ? rows : rows.slice(0, gap);
  for (const row of whole) onEvent(verifyRow(row));
  await verifyLeaves(
    reader,
    tree,
    whole.map(({ leaf_hash: leaf }) => leaf),
  );
  if (tree.size < to) throw new TamperedError(`entry ${String(tree.size)} is missing`);
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

/** What no source can post was put there by somebody else: that is tampering, and no failure after which the same entry is read again. */
function parseEvent({ seq, canonical }: Row): StampedEvent {
  let event: unknown;
  try {
    event = JSON.parse(canonical);
  } catch {
    event = undefined;
  }
  const { source, actor } = isObject(event) ? event : {};
  if (isObject(source) && isObject(actor)) return event as StampedEvent;
  throw new TamperedError(`entry ${String(seq)} is not an event`);
}
