import { areEqual, utf8 } from './bytes.ts';
import { leafHash, RootAccumulator } from './merkle.ts';
import { parseCheckpoint, parseVerifierKey, type SignatureVerdict, verifyNote } from './note.ts';

/** The files of `aduana audit export`, one canonical event a line. */
export interface ExportedFiles {
  readonly entries: string;
  /** Empty where it was not given. */
  readonly checkpoint: string;
  readonly vkey: string;
}

export interface ExportVerdict {
  readonly entries: number;
  readonly signedSize: number | undefined;
  /** The entries give the root that was signed, and none follows that is not signed. */
  readonly isWhole: boolean;
  readonly signature: SignatureVerdict | 'unknown_key' | 'no_checkpoint';
  /** Counters of sources that are missing between two that are there; only signed entries count. */
  readonly gaps: readonly Gap[];
}

export interface Gap {
  readonly source: string;
  readonly from: number;
  readonly to: number;
}

const CHUNK = 512;

/** Rebuilds the tree of an export and compares it with the checkpoint that came along. */
export async function verifyExport(
  files: ExportedFiles,
  onProgress: (share: number) => void = () => undefined,
): Promise<ExportVerdict> {
  const lines = files.entries.split('\n').filter((line) => line !== '');
  const checkpoint = parseCheckpoint(files.checkpoint);
  const tree = new RootAccumulator();
  for (let from = 0; from < lines.length; from += CHUNK) {
    const hashes = await Promise.all(lines.slice(from, from + CHUNK).map((line) => leafHash(utf8(line))));
    for (const hash of hashes) await tree.append(hash);
    onProgress(Math.min(1, (from + CHUNK) / lines.length));
  }
  return {
    entries: lines.length,
    signedSize: checkpoint?.size,
    isWhole: tree.size === checkpoint?.size && areEqual(await tree.root(), checkpoint.root),
    signature: checkpoint === undefined ? 'no_checkpoint' : await signatureOf(files),
    // anybody could write what is not signed, and so fill a gap
    gaps: findGaps(lines.slice(0, checkpoint?.size)),
  };
}

async function signatureOf({ checkpoint, vkey }: ExportedFiles): Promise<ExportVerdict['signature']> {
  const key = await parseVerifierKey(vkey);
  return key === undefined ? 'unknown_key' : verifyNote(checkpoint, key);
}

/** Each boot of a source counts its events from 0; one that is missing was lost or left out. */
function findGaps(lines: readonly string[]): readonly Gap[] {
  const numbers = new Map<string, number[]>();
  for (const line of lines) {
    const source = sourceOf(line);
    if (source === undefined) continue;
    const known = numbers.get(source.name);
    if (known === undefined) numbers.set(source.name, [source.n]);
    else known.push(source.n);
  }
  return [...numbers].flatMap(([source, seen]) => gapsOf(source, seen));
}

function gapsOf(source: string, seen: number[]): readonly Gap[] {
  const gaps: Gap[] = [];
  let next = 0;
  for (const n of seen.sort((one, other) => one - other)) {
    if (n > next) gaps.push({ source, from: next, to: n - 1 });
    next = Math.max(next, n + 1);
  }
  return gaps;
}

function sourceOf(line: string): { readonly name: string; readonly n: number } | undefined {
  try {
    const { source } = JSON.parse(line) as {
      source?: { peer?: string; instance?: string; boot_id?: string; n?: number };
    };
    if (typeof source?.n !== 'number' || !Number.isSafeInteger(source.n)) return undefined;
    return { name: [source.peer, source.instance, source.boot_id].join(' '), n: source.n };
  } catch {
    return undefined;
  }
}
