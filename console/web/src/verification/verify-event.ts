import { areEqual, type Bytes, fromHex, utf8 } from './bytes.ts';
import { climbProof, leafHash, type ProofStep } from './merkle.ts';
import {
  type Checkpoint,
  parseCheckpoint,
  parseVerifierKey,
  type SignatureVerdict,
  verifyNote,
} from './note.ts';

/** An event with what shows that it is in the log. */
export interface EventEvidence {
  /** RFC 8785 text, exactly as hashed. */
  readonly canonical: string;
  readonly seq: number;
  readonly size: number;
  /** Lower-case hex. */
  readonly hashes: readonly string[];
  /** C2SP signed note. */
  readonly note: string;
  readonly vkey: string;
}

export interface EventVerdict {
  readonly leaf: Bytes;
  /** Empty in a tree of one leaf; undefined where the proof has not the form that it needs. */
  readonly steps: readonly ProofStep[] | undefined;
  readonly checkpoint: Checkpoint | undefined;
  /** The steps lead to the root of the checkpoint. */
  readonly isIncluded: boolean;
  readonly signature: SignatureVerdict | 'unknown_key';
}

/** Hashes the event, climbs its proof, and compares the root with the signed one: nothing is taken on trust but the key. */
export async function verifyEvent(evidence: EventEvidence): Promise<EventVerdict> {
  const leaf = await leafHash(utf8(evidence.canonical));
  const proof = evidence.hashes.map(fromHex);
  const checkpoint = parseCheckpoint(evidence.note);
  const steps = proof.every((hash) => hash !== undefined)
    ? await climbProof({ index: evidence.seq, size: evidence.size, leaf, proof })
    : undefined;
  const root = steps === undefined ? undefined : (steps.at(-1)?.parent ?? leaf);
  const isIncluded =
    root !== undefined && checkpoint?.size === evidence.size && areEqual(root, checkpoint.root);
  return { leaf, steps, checkpoint, isIncluded, signature: await signatureOf(evidence) };
}

async function signatureOf({ note, vkey }: EventEvidence): Promise<EventVerdict['signature']> {
  const key = await parseVerifierKey(vkey);
  return key === undefined ? 'unknown_key' : verifyNote(note, key);
}
