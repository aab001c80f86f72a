import { SecurityError } from '@aduana/core/errors/security-error';
import type { Database } from '@aduana/server-kit/store/database';
import type { Proofs } from '../checkpoints/proofs.ts';
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
  readonly vkey: () => string;
  readonly contradiction: () => string | undefined;
  readonly isBehind: () => boolean;
  readonly proofs: Pick<Proofs, 'checkpoint'>;
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

/** How whole the log is, as far as this service has seen. */
export async function readIntegrity(options: IntegrityOptions): Promise<Integrity> {
  const { reader, watch } = options;
  const signedSize = await readSignedSize(options.proofs);
  const { rows } = await reader.query<{ size: number }>('SELECT size FROM head');
  const size = rows[0]?.size ?? 0;
  const [holes, overBound] = [watch.holes(), watch.overBound()];
  const isIncomplete = holes.length > 0 || overBound.length > 0 || watch.openIntents() > 0;
  const status =
    options.contradiction() !== undefined
      ? 'TAMPERED'
      : isIncomplete
        ? 'INCOMPLETE'
        : options.isBehind()
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

async function readSignedSize(proofs: IntegrityOptions['proofs']): Promise<number> {
  try {
    return (await proofs.checkpoint()).size;
  } catch (error) {
    if (error instanceof SecurityError && error.code === 'NOT_READY') return 0; // nothing is signed yet
    throw error;
  }
}

function toText(milliseconds: number | undefined): string | null {
  return milliseconds === undefined ? null : new Date(milliseconds).toISOString();
}
