import type { Database } from '@aduana/core/store/database';

export type IntegrityStatus = 'OK' | 'TAMPERED' | 'INCOMPLETE' | 'BEHIND';

/** Numbers of a boot's count that are missing, both ends included. */
export interface Hole {
  readonly instance: string;
  readonly bootId: string;
  readonly from: number;
  readonly to: number;
}

export interface SinkState {
  readonly name: string;
  readonly cursor: number;
  readonly lag: number;
  readonly lastError: string | null;
}

export interface Integrity {
  readonly status: IntegrityStatus;
  readonly size: number;
  readonly verifiedSize: number;
  readonly vkey: string;
  readonly lag: number;
  readonly holes: readonly Hole[];
  readonly sinks: readonly SinkState[];
}

/** How many entries the log holds, and how many of them are signed. */
export async function readSizes(reader: Database): Promise<{ size: number; signedSize: number }> {
  const { rows } = await reader.query<{ size: number; signed: number }>(
    'SELECT size, coalesce((SELECT c.size FROM checkpoints c ORDER BY c.number DESC LIMIT 1), 0) AS signed FROM head',
  );
  return { size: rows[0]?.size ?? 0, signedSize: rows[0]?.signed ?? 0 };
}
