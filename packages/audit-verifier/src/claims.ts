import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isThere, readable, readText } from './exported-files.ts';
import {
  openNote,
  parseCheckpoint,
  parseMinimumIndex,
  parseVerifierKey,
  type SignedTree,
  textOfOthers,
  type VerifierKey,
} from './note.ts';
import { Tampering, UsageProblem } from './problems.ts';
import { readTimestamp, type Timestamp } from './timestamp.ts';
import type { VerifyOptions } from './verify-options.ts';

/** What the log's key has signed. */
export interface Claims {
  readonly signed: SignedTree;
  readonly since: SignedTree | undefined;
  /** A tree of which the time is told by others. */
  readonly stamped: (SignedTree & Pick<Timestamp, 'time'>) | undefined;
  /** Entries below are dropped, but for their hashes. */
  readonly minimumIndex: number;
}

/** @throws Tampering, UsageProblem */
export async function readClaims(options: VerifyOptions): Promise<Claims> {
  const key = parseVerifierKey(options.vkey ?? (await readText(join(options.folder, 'vkey'))));
  if (key === undefined) throw new UsageProblem('the verifier key is not one: name+hash+base64 is expected');
  const signed = openTree(await readText(join(options.folder, 'checkpoint')), key);
  if (signed === undefined) throw new Tampering('the checkpoint is not signed by the log');
  const minimumIndex = await readMinimumIndex(options.folder, signed, key);
  const stamped = await readStamped(options.folder, signed, key);
  if (options.sinceFile === undefined) return { signed, since: undefined, stamped, minimumIndex };
  const since = openTree(await readText(options.sinceFile), key);
  if (since === undefined) throw new Tampering('the older checkpoint is not signed by the log');
  if (since.origin !== signed.origin) throw new UsageProblem('the older checkpoint is of another log');
  if (since.size > signed.size)
    throw new Tampering(`the log once had ${String(since.size)} entries, now ${String(signed.size)}`);
  return { signed, since, stamped, minimumIndex };
}

async function readStamped(folder: string, signed: SignedTree, key: VerifierKey): Promise<Claims['stamped']> {
  const file = join(folder, 'timestamped-checkpoint');
  if (!(await isThere(file))) return undefined;
  const note = await readText(file);
  // one of before a rotation bears no line of this key, and is held against the entries all the same
  const tree = openTree(note, key) ?? treeOf(textOfOthers(note, key), key);
  if (tree === undefined || tree.size > signed.size)
    throw new Tampering('the checkpoint that bears a time stamp is not one of the log');
  const response = await readFile(await readable(join(folder, 'timestamp.tsr')));
  const stamp = readTimestamp(response);
  if (stamp === undefined || !stamp.digest.equals(createHash('sha256').update(note).digest()))
    throw new Tampering('the time stamp is not one of the checkpoint beside it');
  return { ...tree, time: stamp.time };
}

async function readMinimumIndex(folder: string, signed: SignedTree, key: VerifierKey): Promise<number> {
  const file = join(folder, 'minimum-index');
  if (!(await isThere(file))) return 0;
  const text = openNote(await readText(file), key);
  const minimumIndex = text === undefined ? undefined : parseMinimumIndex(text, key.name);
  if (minimumIndex === undefined || minimumIndex > signed.size)
    throw new Tampering('the minimum index is not signed by the log');
  return minimumIndex;
}

function openTree(note: string, key: VerifierKey): SignedTree | undefined {
  return treeOf(openNote(note, key), key);
}

function treeOf(text: string | undefined, { name }: VerifierKey): SignedTree | undefined {
  const tree = text === undefined ? undefined : parseCheckpoint(text);
  return tree?.origin === name ? tree : undefined;
}
