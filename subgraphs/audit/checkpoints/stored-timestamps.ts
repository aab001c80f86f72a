import { readTimestamp } from '@aduana/audit-verifier/timestamp';
import { sha256 } from '@aduana/core/platform/digest';
import { LONGEST_NOTE, openCheckpoint } from '@aduana/server-kit/audit/checkpoint';
import type { ServiceStore } from '@aduana/server-kit/http/service-platform';
import type { Database } from '@aduana/server-kit/store/database';
import type { SignedCheckpoint } from './checkpoint-guard.ts';

/** A checkpoint whose time an authority vouches for. */
export interface TimestampedCheckpoint extends Pick<SignedCheckpoint, 'size' | 'note'> {
  /** The authority's `TimeStampResp` over the note, DER (RFC 3161). */
  readonly response: Buffer;
  /** Milliseconds since the epoch. */
  readonly stampedAt: number;
}

/** The time stamps, beside the checkpoints that they are of. */
export interface StoredTimestamps {
  last(): Promise<TimestampedCheckpoint | undefined>;
  keep(timestamped: TimestampedCheckpoint): Promise<void>;
}

/** Bytes: no answer of an authority that was taken is longer. */
const LONGEST_RESPONSE = 65_536;
const ROWS_AT_ONCE = 20;

/** @param vkeys of the log's keys, the newest first */
export function createStoredTimestamps(
  { reader, writer }: ServiceStore,
  vkeys: () => readonly string[],
): StoredTimestamps {
  return {
    last: () => readLastTimestamp(reader, vkeys()),
    async keep({ size, note, response, stampedAt }) {
      await writer.query(
        'INSERT INTO timestamps (size, note, response, stamped_at) VALUES ($1, $2, $3, $4)',
        [size, note, response, new Date(stampedAt).toISOString()],
      );
    },
  };
}

interface Row {
  readonly number: number;
  readonly size: number;
  readonly note: string;
  readonly response: Buffer;
  readonly stamped_at: Date;
}

/** The newest time stamp of a checkpoint that one of these keys has signed: the writer's login can add rows that are none. */
export async function readLastTimestamp(
  reader: Database,
  vkeys: readonly string[],
): Promise<TimestampedCheckpoint | undefined> {
  for (let below: number = Number.MAX_SAFE_INTEGER; ;) {
    const { rows } = await reader.query<Row>(
      `SELECT number, size, note, response, stamped_at FROM timestamps
       WHERE number < $1 AND length(note) <= $2 AND octet_length(response) <= $3
       ORDER BY number DESC LIMIT $4`,
      [below, LONGEST_NOTE, LONGEST_RESPONSE, ROWS_AT_ONCE],
    );
    for (const { size, note, response, stamped_at: stampedAt } of rows) {
      const isOfLog = openCheckpoint(note, vkeys)?.size === size;
      if (isOfLog && readTimestamp(response)?.digest.equals(sha256(note)) === true)
        return { size, note, response, stampedAt: stampedAt.getTime() };
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < ROWS_AT_ONCE) return undefined;
    below = last.number;
  }
}
