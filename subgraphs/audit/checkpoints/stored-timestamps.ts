import type { ServiceStore } from '@aduana/server-kit/http/service-platform';
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

export function createStoredTimestamps({ reader, writer }: ServiceStore): StoredTimestamps {
  return {
    async last() {
      const { rows } = await reader.query<{ size: number; note: string; response: Buffer; stamped_at: Date }>(
        'SELECT size, note, response, stamped_at FROM timestamps ORDER BY number DESC LIMIT 1',
      );
      const [row] = rows;
      if (row === undefined) return undefined;
      const { size, note, response, stamped_at: stampedAt } = row;
      return { size, note, response, stampedAt: stampedAt.getTime() };
    },
    async keep({ size, note, response, stampedAt }) {
      await writer.query(
        'INSERT INTO timestamps (size, note, response, stamped_at) VALUES ($1, $2, $3, $4)',
        [size, note, response, new Date(stampedAt).toISOString()],
      );
    },
  };
}
