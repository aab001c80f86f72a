import type { Clock } from '@aduana/core/platform/clock';
import type { Database } from '@aduana/core/store/database';
import type { MinimumIndex } from '../retention/minimum-index.ts';

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
  /** Events up to here, not including it, are acknowledged. */
  readonly cursor: number;
  readonly lag: number;
  readonly lastError: string | null;
}

export interface Integrity {
  readonly status: IntegrityStatus;
  readonly size: number;
  readonly verifiedSize: number;
  readonly minimumIndex: number;
  readonly vkey: string;
  readonly lag: number;
  readonly holes: readonly Hole[];
  readonly sinks: readonly SinkState[];
  /** What a recorded event survives. */
  readonly durability: 'MACHINE' | 'PROCESS';
}

export interface IntegrityOptions {
  readonly reader: Database;
  readonly clock: Clock;
  readonly vkey: () => string;
  readonly contradiction: () => string | undefined;
  readonly minimumIndex: Pick<MinimumIndex, 'current'>;
  readonly watch: {
    readonly verifiedSize: number;
    holes(): readonly Hole[];
    openIntents(): number;
  };
  readonly sinks: (size: number) => Promise<readonly SinkState[]>;
}

/** New events are signed within a second: much later, something is wrong. */
const PATIENCE_MS = 10_000;

/** How whole the log is, as far as this service has seen. */
export async function readIntegrity(options: IntegrityOptions): Promise<Integrity> {
  const { reader, clock, watch } = options;
  const { size, signedSize, signedAt } = await readSizes(reader);
  const holes = watch.holes();
  const isBehind = size > signedSize && clock.now() - signedAt > PATIENCE_MS;
  const isIncomplete = holes.length > 0 || watch.openIntents() > 0;
  const status =
    options.contradiction() !== undefined
      ? 'TAMPERED'
      : isIncomplete
        ? 'INCOMPLETE'
        : isBehind
          ? 'BEHIND'
          : 'OK';
  return {
    status,
    size,
    verifiedSize: watch.verifiedSize,
    minimumIndex: await options.minimumIndex.current(),
    vkey: options.vkey(),
    lag: Math.max(0, size - signedSize),
    holes,
    sinks: await options.sinks(size),
    durability: reader.kind === 'postgresql' ? 'MACHINE' : 'PROCESS',
  };
}

interface Sizes {
  readonly size: number;
  readonly signedSize: number;
  /** Milliseconds since the epoch. */
  readonly signedAt: number;
}

async function readSizes(reader: Database): Promise<Sizes> {
  const { rows } = await reader.query<{ size: number; signed: number | null; signed_at: Date | null }>(
    `SELECT h.size, c.size AS signed, c.signed_at FROM head h
     LEFT JOIN LATERAL (SELECT size, signed_at FROM checkpoints ORDER BY number DESC LIMIT 1) c ON true`,
  );
  const [row] = rows;
  return { size: row?.size ?? 0, signedSize: row?.signed ?? 0, signedAt: row?.signed_at?.getTime() ?? 0 };
}
