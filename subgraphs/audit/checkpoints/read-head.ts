import { type Checkpoint, openCheckpoint } from '@aduana/server-kit/audit/checkpoint';
import type { Database, Queryable } from '@aduana/server-kit/store/database';

export interface Head {
  /** How many entries there are. */
  readonly size: number;
  /** What the newest note says that this log's keys have signed; undefined where no stored one of late is. */
  readonly signed: Checkpoint | undefined;
}

const HEAD = `
  SELECT head.size, newest.note FROM head
  LEFT JOIN LATERAL (SELECT note FROM checkpoints ORDER BY number DESC LIMIT 1) newest ON true`;

/** Reads how far the log is, and how far any replica has signed it. */
export function createHeadReader(reader: Database, vkeys: () => readonly string[]): () => Promise<Head> {
  const newest = createNewestReader(reader, vkeys);
  return async () => {
    const { rows } = await reader.query<{ size: number; note: string | null }>(HEAD);
    const { size = 0, note = null } = rows[0] ?? {};
    return { size, signed: note === null ? undefined : await newest(note) };
  };
}

/** How many stored notes are looked through for one that is signed. */
export const MOST_NOTES = 20;

export interface SignedNote extends Checkpoint {
  readonly note: string;
}

/** Of the newest stored notes those that this log's keys have signed, the newest first: the writer's login can store others. */
export async function readSigned(
  reader: Queryable,
  vkeys: readonly string[],
  most = MOST_NOTES,
): Promise<readonly SignedNote[]> {
  const { rows } = await reader.query<{ note: string }>(
    `SELECT note FROM checkpoints ORDER BY number DESC LIMIT ${String(most)}`,
  );
  return signedAmong(rows, vkeys);
}

/** The newest of them; nearly always the last row. */
export async function readNewestSigned(
  reader: Queryable,
  vkeys: readonly string[],
): Promise<SignedNote | undefined> {
  const [last] = await readSigned(reader, vkeys, 1);
  return last ?? (await readSigned(reader, vkeys))[0];
}

export function signedAmong(
  rows: readonly { readonly note: string }[],
  vkeys: readonly string[],
): readonly SignedNote[] {
  return rows.flatMap(({ note }) => {
    const signed = openCheckpoint(note, vkeys);
    return signed === undefined ? [] : [{ ...signed, note }];
  });
}

/** The newest signed note, given the last one that is stored: it is verified once. */
export function createNewestReader(
  reader: Database,
  vkeys: () => readonly string[],
): (last: string) => Promise<SignedNote | undefined> {
  let known: { readonly last: string; readonly signed: SignedNote } | undefined;
  return async (last) => {
    if (known?.last === last) return known.signed;
    const signed = signedAmong([{ note: last }], vkeys())[0] ?? (await readSigned(reader, vkeys()))[0];
    known = signed && { last, signed };
    return signed;
  };
}
