import type { Database } from '@aduana/server-kit/store/database';
import type { LogSource } from '@aduana/audit-verifier/log-source';
import { readLastTimestamp } from '../subgraphs/audit/checkpoints/stored-timestamps.ts';

const TILE = 256;

/** A log as its reader finds it in the database; key and checkpoint are kept outside of that. */
export async function readStoredLog(
  reader: Database,
  kept: Pick<LogSource, 'vkey' | 'checkpoint'>,
): Promise<Omit<LogSource, 'close'>> {
  const { rows: notes } = await reader.query<{ note: string }>(
    'SELECT note FROM minimum_indexes ORDER BY number DESC LIMIT 1',
  );
  const stamped = await readLastTimestamp(reader, [kept.vkey.trim()]);
  return {
    ...kept,
    isRunning: false,
    timestamped: stamped ?? { note: '', response: Buffer.alloc(0) },
    minimumIndex: notes[0]?.note ?? '',
    async hashes(from) {
      const { rows } = await reader.query<{ hashes: Buffer }>(
        'SELECT hashes FROM tiles WHERE level = 0 AND index = $1',
        [from / TILE],
      );
      return rows[0]?.hashes ?? Buffer.alloc(0);
    },
    async entries(from, to) {
      const { rows } = await reader.query<{ canonical: string }>(
        'SELECT canonical FROM entries WHERE seq >= $1 AND seq < $2 ORDER BY seq',
        [from, to],
      );
      return rows.map(({ canonical }) => canonical);
    },
  };
}
