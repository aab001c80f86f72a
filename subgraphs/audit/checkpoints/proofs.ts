import { openCheckpoint, signCheckpoint } from '@aduana/server-kit/audit/checkpoint';
import { continues } from '@aduana/server-kit/audit/consistency';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Database } from '@aduana/server-kit/store/database';
import type { CheckpointGuard } from './checkpoint-guard.ts';
import type { CheckpointSigners } from './checkpoint-key.ts';
import { otherTree } from './contradiction-error.ts';
import { createNewestReader, MOST_NOTES, signedAmong } from './read-head.ts';
import type { TreeReader } from './tree-reader.ts';

export interface CheckpointView {
  readonly size: number;
  readonly root: Buffer;
  readonly note: string;
}

export interface InclusionProofView {
  readonly leafHash: Buffer;
  readonly hashes: readonly Buffer[];
  readonly checkpoint: CheckpointView;
}

/** What the log can prove, up to its last checkpoint. */
export interface Proofs {
  /** The last checkpoint, or the one of a past size. */
  checkpoint(size?: number): Promise<CheckpointView>;
  /** The smallest stored checkpoint of at least that size; undefined where there is none that this log's keys have signed. */
  stored(size: number): Promise<CheckpointView | undefined>;
  inclusion(seq: number, size?: number): Promise<InclusionProofView>;
  consistency(from: number, to: number): Promise<readonly Buffer[]>;
}

export interface ProofsOptions {
  readonly reader: Database;
  readonly tree: TreeReader;
  /** The newest key first. */
  readonly signers: () => CheckpointSigners;
  readonly guard: Pick<CheckpointGuard, 'last'>;
  /** Whether anything contradicts what was signed: then nothing is signed any more. */
  readonly isTampered: () => boolean;
  /** Ends signing for good. */
  readonly refuse: (reason: string) => void;
}

/** @throws SecurityError `BAD_REQUEST` beyond the tree or backwards, `NOT_READY` before the first checkpoint */
export function createProofs({ reader, tree, signers, guard, isTampered, refuse }: ProofsOptions): Proofs {
  const vkeys = (): readonly string[] => signers().map(({ vkey }) => vkey);

  const newestSigned = createNewestReader(reader, vkeys);

  async function last(): Promise<CheckpointView> {
    const { rows } = await reader.query<{ note: string }>(
      'SELECT note FROM checkpoints ORDER BY number DESC LIMIT 1',
    );
    const stored = rows[0] && (await newestSigned(rows[0].note));
    // a restored backup takes back rows, not what this service remembers; else it remembers what is just being stored
    const newest =
      stored === undefined || (isTampered() && (guard.last?.size ?? -1) > stored.size) ? guard.last : stored;
    if (newest === undefined) throw new SecurityError('NOT_READY', { detail: 'nothing is signed yet' });
    return newest;
  }

  async function checkpoint(size?: number): Promise<CheckpointView> {
    const newest = await last();
    if (size === undefined || size === newest.size) return newest;
    if (size > newest.size) throw beyond();
    const stored = await findStored('size = $1', size);
    if (stored?.size === size) return stored;
    if (isTampered()) throw notWhole();
    const root = await tree.root(size);
    await assertSigned({ size, root }, newest);
    return { size, root, note: signCheckpoint({ origin: signers()[0].name, size, root }, signers()) };
  }

  /** The first one there that these keys have signed: whoever writes to the database can store others beside it. */
  async function findStored(where: string, size: number): Promise<CheckpointView | undefined> {
    const { rows } = await reader.query<{ note: string }>(
      `SELECT note FROM checkpoints WHERE ${where} AND starts_with(note, $2) ORDER BY size, number DESC LIMIT ${String(MOST_NOTES)}`,
      [size, `${signers()[0].name}\n`],
    );
    return signedAmong(rows, vkeys())[0];
  }

  /** What is not in the newest tree that these keys have signed is not signed either, whatever the database holds. */
  async function assertSigned(past: Pick<CheckpointView, 'size' | 'root'>, newest: CheckpointView) {
    const opened = openCheckpoint(newest.note, vkeys());
    const signed = opened ?? guard.last;
    if (signed === undefined || signed.size < past.size) throw notWhole();
    if (continues(past, signed, await tree.consistencyProof(past.size, signed.size))) return;
    refuse(otherTree(past.size).message);
    throw notWhole();
  }

  async function inclusion(seq: number, size?: number): Promise<InclusionProofView> {
    const under = await checkpoint(size);
    if (seq >= under.size) throw beyond();
    const { leaf, hashes } = await tree.inclusionProof(seq, under.size);
    return { leafHash: leaf, hashes, checkpoint: under };
  }

  return {
    checkpoint,
    stored: (size) => findStored('size >= $1', size),
    inclusion,
    async consistency(from, to) {
      const newest = await last();
      if (from > to || to > newest.size) throw beyond();
      return tree.consistencyProof(from, to);
    },
  };
}

function beyond(): SecurityError {
  return new SecurityError('BAD_REQUEST', { detail: 'beyond the tree, or backwards' });
}

function notWhole(): SecurityError {
  return new SecurityError('CONFLICT', { detail: 'the log is not whole: nothing is signed' });
}
