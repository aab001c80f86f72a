import { type Checkpoint, openCheckpoint } from '@aduana/server-kit/audit/checkpoint';
import type { Database } from '@aduana/server-kit/store/database';

export interface Head {
  /** How many entries there are. */
  readonly size: number;
  /** What the newest stored note says; undefined where this log's keys have not signed it. */
  readonly signed: Checkpoint | undefined;
}

const HEAD = `
  SELECT head.size, newest.note FROM head
  LEFT JOIN LATERAL (SELECT note FROM checkpoints ORDER BY number DESC LIMIT 1) newest ON true`;

/** Reads how far the log is, and how far any replica has signed it; a signature is verified once for each note. */
export function createHeadReader(reader: Database, vkeys: () => readonly string[]): () => Promise<Head> {
  let known: { readonly note: string; readonly signed: Checkpoint } | undefined;
  return async () => {
    const { rows } = await reader.query<{ size: number; note: string | null }>(HEAD);
    const { size = 0, note = null } = rows[0] ?? {};
    if (note === null) return { size, signed: undefined };
    if (known?.note !== note) {
      const signed = openCheckpoint(note, vkeys());
      if (signed === undefined) return { size, signed };
      known = { note, signed };
    }
    return { size, signed: known.signed };
  };
}

const MOST_NOTES = 20;

/** Of the newest stored notes those that this log's keys have signed, the newest first. */
export async function readSigned(reader: Database, vkeys: readonly string[]): Promise<readonly Checkpoint[]> {
  const { rows } = await reader.query<{ note: string }>(
    `SELECT note FROM checkpoints ORDER BY number DESC LIMIT ${String(MOST_NOTES)}`,
  );
  return rows.map(({ note }) => openCheckpoint(note, vkeys)).filter((signed) => signed !== undefined);
}
