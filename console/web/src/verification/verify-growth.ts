import { fromHex } from './bytes.ts';
import { verifyConsistency } from './merkle.ts';
import { parseCheckpoint, parseVerifierKey, type SignatureVerdict, verifyNote } from './note.ts';

export interface GrowthClaim {
  /** C2SP signed notes. */
  readonly olderNote: string;
  readonly newerNote: string;
  /** Lower-case hex. */
  readonly hashes: readonly string[];
  readonly vkey: string;
}

export interface GrowthVerdict {
  readonly from: number;
  readonly to: number;
  /** The newer tree only appends to the older one. */
  readonly hasOnlyGrown: boolean;
  readonly signature: SignatureVerdict | 'unknown_key';
}

/** Whether the log of the newer note continues the log of the older one; undefined for notes of no log. */
export async function verifyGrowth(claim: GrowthClaim): Promise<GrowthVerdict | undefined> {
  const [older, newer] = [parseCheckpoint(claim.olderNote), parseCheckpoint(claim.newerNote)];
  if (older === undefined || newer === undefined) return undefined;
  const hashes = claim.hashes.map(fromHex);
  const hasOnlyGrown =
    older.origin === newer.origin &&
    hashes.every((hash) => hash !== undefined) &&
    (await verifyConsistency({
      first: older.size,
      second: newer.size,
      firstRoot: older.root,
      secondRoot: newer.root,
      proof: hashes,
    }));
  const key = await parseVerifierKey(claim.vkey);
  const signatures =
    key === undefined
      ? (['unknown_key'] as const)
      : await Promise.all([verifyNote(claim.olderNote, key), verifyNote(claim.newerNote, key)]);
  const signature = signatures.find((verdict) => verdict !== 'valid') ?? 'valid';
  return { from: older.size, to: newer.size, hasOnlyGrown, signature };
}
