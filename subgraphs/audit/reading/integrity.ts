import type { Clock } from '@aduana/core/platform/clock';
import type { Database } from '@aduana/server-kit/store/database';
import type { MinimumIndex } from '../checkpoints/minimum-index.ts';
import type { Hole, OverBound } from '../checkpoints/peer-account.ts';
import type { WitnessState } from '../checkpoints/witnessing.ts';
import type { StreamCounts } from './stream-counts.ts';
import type { SinkState } from '../shippers/sink-state.ts';

export type IntegrityStatus = 'OK' | 'TAMPERED' | 'INCOMPLETE' | 'BEHIND';

export interface Integrity {
  readonly status: IntegrityStatus;
  readonly size: number;
  readonly verifiedSize: number;
  readonly minimumIndex: number;
  readonly vkey: string;
  readonly lag: number;
  readonly holes: readonly Hole[];
  /** Peers of which more came than is kept account of: whether they lost anything is not known. */
  readonly overBound: readonly OverBound[];
  readonly sinks: readonly SinkState[];
  /** What a recorded event survives. */
  readonly durability: 'MACHINE' | 'PROCESS';
  readonly watch: {
    readonly verifiedSize: number;
    /** RFC 3339. */
    readonly lastRunAt: string | null;
    readonly lastFullRunAt: string | null;
  };
  readonly witnesses: readonly (Omit<WitnessState, 'lastCosignedAt'> & {
    readonly lastCosignedAt: string | null;
  })[];
  readonly streams: StreamCounts;
}

export interface IntegrityOptions {
  readonly reader: Database;
  readonly clock: Clock;
  readonly vkey: () => string;
  readonly contradiction: () => string | undefined;
  readonly minimumIndex: Pick<MinimumIndex, 'current'>;
  readonly watch: {
    readonly verifiedSize: number;
    readonly lastRunAt: number | undefined;
    readonly lastFullRunAt: number | undefined;
    holes(): readonly Hole[];
    overBound(): readonly OverBound[];
    openIntents(): number;
  };
  readonly witnesses: () => readonly WitnessState[];
  readonly sinks: (size: number) => Promise<readonly SinkState[]>;
  readonly streams: (size: number) => Promise<StreamCounts>;
}

/** New events are signed within a second: much later, something is wrong. */
const PATIENCE_MS = 10_000;

/** How whole the log is, as far as this service has seen. */
export async function readIntegrity(options: IntegrityOptions): Promise<Integrity> {
  const { reader, clock, watch } = options;
  const { size, signedSize, signedAt } = await readSizes(reader);
  const [holes, overBound] = [watch.holes(), watch.overBound()];
  const isBehind = size > signedSize && clock.now() - signedAt > PATIENCE_MS;
  const isIncomplete = holes.length > 0 || overBound.length > 0 || watch.openIntents() > 0;
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
    overBound,
    sinks: await options.sinks(size),
    durability: reader.kind === 'postgresql' ? 'MACHINE' : 'PROCESS',
    watch: {
      verifiedSize: watch.verifiedSize,
      lastRunAt: toText(watch.lastRunAt),
      lastFullRunAt: toText(watch.lastFullRunAt),
    },
    witnesses: options
      .witnesses()
      .map((witness) => ({ ...witness, lastCosignedAt: toText(witness.lastCosignedAt) })),
    streams: await options.streams(size),
  };
}

function toText(milliseconds: number | undefined): string | null {
  return milliseconds === undefined ? null : new Date(milliseconds).toISOString();
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
