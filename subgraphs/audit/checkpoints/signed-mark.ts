import { type Checkpoint, signCheckpoint } from '@aduana/server-kit/audit/checkpoint';
import { EMPTY_ROOT } from '@aduana/server-kit/audit/merkle';
import type { Clock } from '@aduana/core/platform/clock';
import { describeError, type Log } from '@aduana/core/platform/log';
import { SecurityError } from '@aduana/core/errors/security-error';
import { Secret } from '@aduana/core/secrets/secret';
import type { SecretProvider } from '@aduana/server-kit/secrets/secret-provider';
import type { CheckpointSigners } from './checkpoint-key.ts';
import { readRecovery, type Recovery } from './epoch.ts';

/** How far the log has signed, twice a minute and at the end: what neither the database nor a lost home takes back. */
export const SIGNED = 'audit/signed';
const PAUSE_MS = 30_000;

interface Stored {
  readonly epoch: number;
  readonly note: string;
}

export type MarkedTree = Pick<Checkpoint, 'size' | 'root'> & { readonly note: string };

export interface SignedMark {
  /** What the secret provider vouched for at the start; undefined where it knows nothing of this epoch. */
  readonly tree: MarkedTree | undefined;
  /** States that a new log is empty. */
  begin(signers: CheckpointSigners): Promise<void>;
  /** Keeps a note now and then, beside the signing. */
  keep(note: string): void;
  /** Keeps the last one. */
  settle(): Promise<void>;
}

export async function openSignedMark(secrets: SecretProvider, clock: Clock, log: Log): Promise<SignedMark> {
  const recovery = await readRecovery(secrets);
  const epoch = recovery?.epoch ?? 1;
  const stored = await read(secrets);
  let tree = stored?.epoch === epoch ? treeIn(stored.note) : keptTree(recovery);
  let keptAt = -Infinity;
  let newest = '';
  let kept = '';
  let pending = Promise.resolve();

  async function write(note: string): Promise<void> {
    const before = await secrets.get(SIGNED, { fresh: true });
    const other = parse(before);
    const isAhead = other?.epoch === epoch && treeIn(other.note).size > treeIn(note).size;
    if (isAhead || (other?.epoch ?? 0) > epoch) return;
    await secrets.put(SIGNED, Secret.of(JSON.stringify({ epoch, note })), before?.version ?? 0);
  }

  function writeNewest(): void {
    if (newest === kept) return;
    [kept, keptAt] = [newest, clock.monotonic()];
    const note = newest;
    pending = pending
      .then(() => write(note))
      .catch((error: unknown) => {
        log.warn('the secret provider does not have the newest checkpoint', { error: describeError(error) });
      });
  }

  return {
    get tree() {
      return tree;
    },
    async begin(signers) {
      const note = signCheckpoint({ origin: signers[0].name, size: 0, root: EMPTY_ROOT }, signers);
      await write(note).catch((error: unknown) => {
        const isBegun = error instanceof SecurityError && error.code === 'CONFLICT'; // another replica was first
        if (!isBegun) throw error;
      });
      tree = treeIn(note);
    },
    keep(note) {
      newest = note;
      if (clock.monotonic() - keptAt >= PAUSE_MS) writeNewest();
    },
    settle() {
      writeNewest();
      return pending;
    },
  };
}

async function read(secrets: SecretProvider): Promise<Stored | undefined> {
  return parse(await secrets.get(SIGNED));
}

/** @throws SecurityError `SECRET_PROVIDER_UNAVAILABLE` where something else is kept under the name */
function parse(stored: Awaited<ReturnType<SecretProvider['get']>>): Stored | undefined {
  if (stored === undefined) return undefined;
  try {
    return JSON.parse(stored.value.reveal()) as Stored;
  } catch {
    throw new SecurityError('SECRET_PROVIDER_UNAVAILABLE', { detail: `${SIGNED} holds no checkpoint` });
  }
}

/** Of an epoch in which nothing is signed yet: the tree that two people have seen is all there. */
function keptTree(recovery: Recovery | undefined): MarkedTree | undefined {
  if (recovery === undefined) return undefined;
  return recovery.kept_note === '' ? { size: 0, root: EMPTY_ROOT, note: '' } : treeIn(recovery.kept_note);
}

/** The secret provider is trusted: a note that it has is believed, whichever key signed it. */
function treeIn(note: string): MarkedTree {
  const [, size, root = ''] = note.split('\n');
  return { size: Number(size), root: Buffer.from(root, 'base64'), note };
}
