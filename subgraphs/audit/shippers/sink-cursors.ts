import type { Clock } from '@aduana/core/platform/clock';
import type { Database } from '@aduana/core/store/database';
import type { DeadLetter } from './sink.ts';

/** How far each sink has come: one replica at a time ships to it, and only that one moves its cursor. */
export interface SinkCursors {
  /** @returns where to go on; undefined while another replica ships */
  claim(sink: string): Promise<number | undefined>;
  /** Moves the cursor, notes what was refused, and keeps the claim. @returns whether the claim still held */
  advance(sink: string, cursor: number, dead: readonly DeadLetter[]): Promise<boolean>;
  release(sink: string): Promise<void>;
}

const LEASE_MS = 30_000;

/** @param holder tells this replica from the others */
export function createSinkCursors(writer: Database, holder: string, clock: Clock): SinkCursors {
  const until = (): string => new Date(clock.now() + LEASE_MS).toISOString();
  return {
    async claim(sink) {
      await writer.query('INSERT INTO sinks (name) VALUES ($1) ON CONFLICT DO NOTHING', [sink]);
      const { rows } = await writer.query<{ cursor: number }>(
        `UPDATE sinks SET holder = $2, lease_until = $3
         WHERE name = $1 AND (holder IS NULL OR holder = $2 OR lease_until < $4) RETURNING cursor`,
        [sink, holder, until(), new Date(clock.now()).toISOString()],
      );
      return rows[0]?.cursor;
    },
    advance: (sink, cursor, dead) =>
      writer.transaction(async (transaction) => {
        const { affected } = await transaction.query(
          'UPDATE sinks SET cursor = greatest(cursor, $3), lease_until = $4 WHERE name = $1 AND holder = $2',
          [sink, holder, cursor, until()],
        );
        if (affected === 0) return false;
        for (const { seq, reason } of dead)
          await transaction.query(
            'INSERT INTO dead_letters (sink, seq, reason) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
            [sink, seq, reason.slice(0, 200)],
          );
        return true;
      }),
    async release(sink) {
      await writer.query('UPDATE sinks SET holder = NULL WHERE name = $1 AND holder = $2', [sink, holder]);
    },
  };
}
