import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isThere, readable, readText } from './exported-files.ts';
import { type SignedTree, textOfOthers, type VerifierKey, withName } from './note.ts';
import { epochOf, type LogRecovery, readRecoveries } from './recoveries.ts';
import { Tampering, UsageProblem } from './problems.ts';
import { openCheckpoint, openMinimumIndex, openTree, treeOf } from './signed-claims.ts';
import { readTimestamp, type Timestamp } from './timestamp.ts';
import type { VerifyOptions } from './verify-options.ts';

/** What the log's key has signed. */
export interface Claims {
  readonly signed: SignedTree;
  readonly since: SignedTree | undefined;
  /** A tree with a time stamp of another authority. */
  readonly stamped: (SignedTree & Pick<Timestamp, 'time'>) | undefined;
  /** What began the log's later epochs. */
  readonly recoveries: readonly LogRecovery[];
  /** One sentence for each entry that says it began an epoch, and cannot have. */
  readonly doubts: readonly string[];
  /** Entries below are dropped, but for their hashes. */
  readonly minimumIndex: number;
}

/** @throws Tampering, UsageProblem */
export async function readClaims(options: VerifyOptions): Promise<Claims> {
  const note = await readText(join(options.folder, 'checkpoint'));
  const claim = openCheckpoint(note, options.vkey ?? (await readText(join(options.folder, 'vkey'))));
  const { signed, key } = claim;
  const minimumIndexFile = join(options.folder, 'minimum-index');
  const minimumIndex = openMinimumIndex(
    (await isThere(minimumIndexFile)) ? await readText(minimumIndexFile) : '',
    claim,
  );
  const stamped = await readStamped(options.folder, signed, key);
  const keyFor = (of: string): VerifierKey | undefined =>
    epochOf(of).base === epochOf(key.name).base ? withName(key, of) : undefined;
  const { epoch: present } = epochOf(signed.origin);
  const recorded = await readRecoveries(options.folder, keyFor, { minimumIndex, present });
  const recoveries = recorded.filter(({ fault }) => fault === undefined);
  const doubts = recorded.flatMap(({ seq, fault }) =>
    fault === undefined ? [] : [`entry ${String(seq)} is no recovery of this log: it ${fault}`],
  );
  assertEpoch(present, recoveries, minimumIndex);
  const claims = { signed, since: undefined, stamped, recoveries, doubts, minimumIndex };
  if (options.sinceFile === undefined) return claims;
  const older = await readText(options.sinceFile);
  const olderKey = keyFor(older.slice(0, Math.max(0, older.indexOf('\n'))));
  if (olderKey === undefined) throw new UsageProblem('the older checkpoint is of another log');
  const since = openTree(older, olderKey);
  if (since === undefined) throw new Tampering('the older checkpoint is not signed by the log');
  return { ...claims, since: comparable(since, claims) };
}

/** Each epoch is begun by an entry, unless that was dropped. */
function assertEpoch(present: number, recoveries: readonly LogRecovery[], minimumIndex: number): void {
  for (let epoch = present; epoch > 1 && minimumIndex === 0; epoch -= 1)
    if (!recoveries.some((recovery) => recovery.epoch === epoch))
      throw new Tampering(`the log is in epoch ${String(epoch)}, and no entry says what began it`);
}

/**
 * An older checkpoint as far as the entries must be those that it covers; of an ended epoch, those that were kept. Where
 * several entries say what ended it, all that any of them keeps must be there.
 */
function comparable(
  since: SignedTree,
  { signed, recoveries }: Pick<Claims, 'signed' | 'recoveries'>,
): SignedTree | undefined {
  const isPresent = since.origin === signed.origin;
  const ended = recoveries.filter(({ lost }) => lost.origin === since.origin);
  if (!isPresent && ended.length === 0) throw new UsageProblem('the older checkpoint is of another log');
  const size = isPresent ? signed.size : Math.max(...ended.map(({ lost }) => lost.size));
  if (since.size > size)
    throw new Tampering(`the log once had ${String(since.size)} entries, now ${String(size)}`);
  return isPresent || ended.some(({ kept }) => since.size <= (kept?.size ?? 0)) ? since : undefined;
}

async function readStamped(folder: string, signed: SignedTree, key: VerifierKey): Promise<Claims['stamped']> {
  const file = join(folder, 'timestamped-checkpoint');
  if (!(await isThere(file))) return undefined;
  const note = await readText(file);
  // one from before a rotation has no signature of this key, and is compared with the entries all the same
  const tree = openTree(note, key) ?? treeOf(textOfOthers(note, key), key);
  const origin = note.slice(0, Math.max(0, note.indexOf('\n')));
  if (tree === undefined && epochOf(origin).epoch < epochOf(key.name).epoch) return undefined; // of an ended epoch
  if (tree === undefined || tree.size > signed.size)
    throw new Tampering('the checkpoint that bears a time stamp is not one of the log');
  const response = await readFile(await readable(join(folder, 'timestamp.tsr')));
  const stamp = readTimestamp(response);
  if (stamp === undefined || !stamp.digest.equals(createHash('sha256').update(note).digest()))
    throw new Tampering('the time stamp is not one of the checkpoint beside it');
  return { ...tree, time: stamp.time };
}
