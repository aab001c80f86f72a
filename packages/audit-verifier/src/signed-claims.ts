import {
  openNote,
  parseCheckpoint,
  parseMinimumIndex,
  parseVerifierKey,
  type SignedTree,
  type VerifierKey,
  withName,
} from './note.ts';
import { Tampering, UsageProblem } from './problems.ts';
import { epochOf } from './recoveries.ts';

/** A checkpoint that the log's key has signed, and that key under the name of the checkpoint's epoch. */
export interface SignedClaim {
  readonly signed: SignedTree;
  readonly key: VerifierKey;
}

/**
 * Opens a checkpoint before anything that it covers is read.
 *
 * @throws UsageProblem where `vkey` is none; Tampering where it has not signed the note
 */
export function openCheckpoint(note: string, vkey: string): SignedClaim {
  const given = parseVerifierKey(vkey);
  if (given === undefined)
    throw new UsageProblem('the verifier key is not one: name+hash+base64 is expected');
  // who knows the log from before a recovery knows it by the name of an earlier epoch
  const origin = note.slice(0, Math.max(0, note.indexOf('\n')));
  const key = epochOf(origin).base === epochOf(given.name).base ? withName(given, origin) : given;
  const signed = openTree(note, key);
  if (signed === undefined) throw new Tampering('the checkpoint is not signed by the log');
  return { signed, key };
}

/** Below which entry all are dropped; 0 for an empty note. @throws Tampering where that is not signed, or beyond the tree */
export function openMinimumIndex(note: string, { signed, key }: SignedClaim): number {
  if (note === '') return 0;
  const text = openNote(note, key);
  const minimumIndex = text === undefined ? undefined : parseMinimumIndex(text, key.name);
  if (minimumIndex === undefined || minimumIndex > signed.size)
    throw new Tampering('the minimum index is not signed by the log');
  return minimumIndex;
}

/** The tree of a note that this key has signed under its own name; undefined for any other note. */
export function openTree(note: string, key: VerifierKey): SignedTree | undefined {
  return treeOf(openNote(note, key), key);
}

/** The tree that a note's text describes under the key's name. */
export function treeOf(text: string | undefined, { name }: VerifierKey): SignedTree | undefined {
  const tree = text === undefined ? undefined : parseCheckpoint(text);
  return tree?.origin === name ? tree : undefined;
}
