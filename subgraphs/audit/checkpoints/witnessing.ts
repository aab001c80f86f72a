import { join } from 'node:path';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import type { Clock } from '@aduana/core/platform/clock';
import { every } from '@aduana/core/platform/every';
import { describeError, type Log } from '@aduana/core/platform/log';
import type { AuditSettings } from '../config.ts';
import type { CheckpointGuard } from './checkpoint-guard.ts';
import type { TreeReader } from './tree-reader.ts';
import { openWitness } from './witness.ts';

/** What a witness has vouched for. */
export interface WitnessState {
  readonly url: string;
  readonly size: number;
  readonly note: string | undefined;
  /** Milliseconds since the epoch, since this service started. */
  readonly lastCosignedAt: number | undefined;
  /** Why the last attempt failed; undefined where it did not. */
  readonly lastError: string | undefined;
}

export interface Witnessing {
  note(): string | undefined;
  state(): WitnessState;
  stop(): Promise<void>;
}

export interface WitnessingParts {
  readonly folder: string;
  readonly guard: Pick<CheckpointGuard, 'last'>;
  readonly tree: TreeReader;
  readonly clock: Clock;
  readonly log: Log;
  readonly logVkeys: () => readonly string[];
}

const PAUSE_MS = 30_000;
const LONGEST_ERROR = 200;

/** Has checkpoints cosigned every half minute, where a witness is configured; it is never on the way of a request. */
export async function startWitnessing(
  { AUDIT_WITNESS_URL: url, AUDIT_WITNESS_VKEY: vkey }: AuditSettings,
  { folder, log, clock, ...parts }: WitnessingParts,
): Promise<Witnessing | undefined> {
  if (url === undefined) return undefined;
  if (vkey === undefined)
    throw new ConfigurationError([
      {
        subject: 'AUDIT_WITNESS_VKEY',
        problem: 'is missing beside AUDIT_WITNESS_URL',
        remedy: "Set it to the witness's verifier key, name+hash+base64",
      },
    ]);
  const stopping = new AbortController();
  let lastCosignedAt: number | undefined;
  let lastError: string | undefined;
  const file = join(folder, 'witnessed');
  const witness = await openWitness({ url, vkey, file, stop: stopping.signal, ...parts });
  const loop = every(
    clock,
    () => PAUSE_MS,
    async () => {
      const { size } = witness;
      await witness.submit();
      lastError = undefined;
      if (witness.size > size) lastCosignedAt = clock.now();
    },
    (error) => {
      lastError = error instanceof Error ? error.message.slice(0, LONGEST_ERROR) : 'unknown';
      log.warn('the witness has not cosigned', { error: describeError(error) });
    },
  );
  loop.wake();
  return {
    note: () => witness.note,
    state: () => ({ url, size: witness.size, note: witness.note, lastCosignedAt, lastError }),
    async stop() {
      stopping.abort();
      await loop.stop();
    },
  };
}
