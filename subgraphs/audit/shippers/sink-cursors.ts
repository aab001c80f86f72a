import type { Clock } from '@aduana/core/platform/clock';
import type { Database } from '@aduana/server-kit/store/database';
import type { StreamCursor } from './stream-record.ts';

/** An entry that a sink refuses for good. */
export interface Refused {
  readonly seq: number;
  readonly reason: string;
}

/** How far each sink has come: one replica at a time ships to it, and only that one moves its cursor. */
export interface SinkCursors {
  /** @returns where to go on; undefined while another replica ships */
  claim(sink: string): Promise<StreamCursor | undefined>;
  /** Moves the cursor, notes what was refused, and keeps the claim. @returns whether the claim still held */
  advance(sink: string, cursor: StreamCursor, refused: readonly Refused[]): Promise<boolean>;
  /** Keeps the claim. @returns whether it still held */
  keep(sink: string): Promise<boolean>;
  release(sink: string): Promise<void>;
}

/** A claim lasts that long from the last time that it was kept. */
export const LEASE_MS = 30_000;

/** @param holder a name of this replica that no other one has */
export function createSinkCursors(writer: Database, holder: string, clock: Clock): SinkCursors {
  const until = (): string => new Date(clock.now() + LEASE_MS).toISOString();
  return {
    async claim(sink) {
      await writer.query('INSERT INTO sinks (name) VALUES ($1) ON CONFLICT DO NOTHING', [sink]);
      const { rows } = await writer.query<StreamCursor>(
        `UPDATE sinks SET holder = $2, lease_until = $3
         WHERE name = $1 AND (holder IS NULL OR holder = $2 OR lease_until < $4)
         RETURNING cursor AS seq, checkpoint_size AS "checkpointSize"`,
        [sink, holder, until(), new Date(clock.now()).toISOString()],
      );
      return rows[0];
    },
    advance: (sink, { seq: cursor, checkpointSize }, refused) =>
      writer.transaction(async (transaction) => {
        const { affected } = await transaction.query(
          `UPDATE sinks SET cursor = greatest(cursor, $3), checkpoint_size = greatest(checkpoint_size, $4), lease_until = $5
           WHERE name = $1 AND holder = $2`,
          [sink, holder, cursor, checkpointSize, until()],
        );
        if (affected === 0) return false;
        for (const { seq, reason } of refused)
          await transaction.query(
            'INSERT INTO dead_letters (sink, seq, reason) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
            [sink, seq, reason.slice(0, 200)],
          );
        return true;
      }),
    async keep(sink) {
      const { affected } = await writer.query(
        'UPDATE sinks SET lease_until = $3 WHERE name = $1 AND holder = $2',
        [sink, holder, until()],
      );
      return affected > 0;
    },
    async release(sink) {
      await writer.query('UPDATE sinks SET holder = NULL WHERE name = $1 AND holder = $2', [sink, holder]);
    },
  };
}
