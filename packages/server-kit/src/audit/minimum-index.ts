import { type NoteSigner, openNote, signNote } from './checkpoint.ts';

const FORM = /^(?<origin>[^\s+]+)\nminimum index (?<index>[1-9]\d{0,14})\n$/u;

/**
 * A signed note that says which entries may be gone: all below the minimum index (c2sp.org/tlog-tiles, Pruning). It is
 * no checkpoint, and none can be read out of it.
 */
export function signMinimumIndex(
  origin: string,
  minimumIndex: number,
  signers: readonly NoteSigner[],
): string {
  return signNote(`${origin}\nminimum index ${String(minimumIndex)}\n`, signers);
}

/** The minimum index in a note that one of `vkeys` has signed, of the log that is called so; undefined for anything else. */
export function openMinimumIndex(note: string, vkeys: readonly string[]): number | undefined {
  const { groups } = FORM.exec(openNote(note, vkeys) ?? '') ?? {};
  const origin = groups?.['origin'];
  return vkeys.some((vkey) => vkey.startsWith(`${String(origin)}+`)) ? Number(groups?.['index']) : undefined;
}
