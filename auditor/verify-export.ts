import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalise } from './canonical.ts';
import { EventLedger, type LedgerFindings } from './event-ledger.ts';
import { leafHash, RootAccumulator } from './merkle.ts';
import { readLines } from './read-lines.ts';
import { openNote, parseCheckpoint, parseVerifierKey, type SignedTree, type VerifierKey } from './note.ts';

/** The exit codes of a verification. */
export const EXIT = { whole: 0, tampered: 1, incomplete: 2, usage: 3 } as const;

export interface VerifyOptions {
  /** Holds `entries.jsonl`, `checkpoint` and `vkey`. */
  readonly folder: string;
  /** A key that is known from elsewhere; else the folder's own. */
  readonly vkey?: string;
  /** An older note of the same log, which this one must continue. */
  readonly sinceFile?: string;
  /** The newest event may be this old at most. */
  readonly maxAgeSeconds?: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface Verdict {
  readonly exitCode: (typeof EXIT)[keyof typeof EXIT];
  /** One line each: what was found, or what is wrong. */
  readonly lines: readonly string[];
}

/** Whoever asked for the verification gave something that cannot be used. */
class UsageProblem extends Error {}
/** What is there contradicts a signature. */
class Tampering extends Error {}

/** Checks an exported log without network and without any code of the server. */
export async function verifyExport(options: VerifyOptions): Promise<Verdict> {
  try {
    const { signed, since } = await readSigned(options);
    const ledger = new EventLedger();
    await readEntries(join(options.folder, 'entries.jsonl'), signed, since, ledger);
    return judge(signed, since, ledger.findings(), options);
  } catch (error) {
    if (error instanceof Tampering) return { exitCode: EXIT.tampered, lines: [`TAMPERED: ${error.message}`] };
    if (error instanceof UsageProblem) return { exitCode: EXIT.usage, lines: [error.message] };
    throw error;
  }
}

async function readSigned(
  options: VerifyOptions,
): Promise<{ signed: SignedTree; since: SignedTree | undefined }> {
  const key = parseVerifierKey(options.vkey ?? (await readText(join(options.folder, 'vkey'))));
  if (key === undefined) throw new UsageProblem('the verifier key is not one: name+hash+base64 is expected');
  const signed = openTree(await readText(join(options.folder, 'checkpoint')), key);
  if (signed === undefined) throw new Tampering('the checkpoint is not signed by the log');
  if (options.sinceFile === undefined) return { signed, since: undefined };
  const since = openTree(await readText(options.sinceFile), key);
  if (since === undefined) throw new Tampering('the older checkpoint is not signed by the log');
  if (since.origin !== signed.origin) throw new UsageProblem('the older checkpoint is of another log');
  if (since.size > signed.size)
    throw new Tampering(`the log once had ${String(since.size)} entries, now ${String(signed.size)}`);
  return { signed, since };
}

function openTree(note: string, key: VerifierKey): SignedTree | undefined {
  const text = openNote(note, key);
  const tree = text === undefined ? undefined : parseCheckpoint(text);
  return tree?.origin === key.name ? tree : undefined;
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => {
    throw new UsageProblem(`${file} cannot be read`);
  });
}

/** Reads entries one at a time up to the signed size, and holds them against both checkpoints. */
async function readEntries(
  file: string,
  signed: SignedTree,
  since: SignedTree | undefined,
  ledger: EventLedger,
): Promise<void> {
  await access(file).catch(() => {
    throw new UsageProblem(`${file} cannot be read`);
  });
  const tree = new RootAccumulator();
  let seq = 0;
  if (since?.size === 0) compare(tree, since, 'older checkpoint');
  for await (const lines of readLines(file))
    for (const line of lines) {
      if (seq >= signed.size)
        throw new Tampering(`there are entries beyond the ${String(signed.size)} signed ones`);
      tree.append(leafHash(line));
      ledger.add(parseEntry(line.toString('utf8'), seq));
      seq += 1;
      if (since?.size === seq) compare(tree, since, 'older checkpoint');
    }
  if (seq < signed.size)
    throw new Tampering(`${String(signed.size)} entries are signed, ${String(seq)} are there`);
  compare(tree, signed, 'checkpoint');
}

function parseEntry(line: string, seq: number): object {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch {
    throw new Tampering(`entry ${String(seq)} is not JSON`);
  }
  if (typeof event !== 'object' || event === null || canonicalise(event) !== line)
    throw new Tampering(`entry ${String(seq)} is not in canonical form`);
  return event;
}

function compare(tree: RootAccumulator, signed: SignedTree, what: string): void {
  if (!tree.root().equals(signed.root))
    throw new Tampering(`the ${String(signed.size)} entries are not the ones that the ${what} covers`);
}

const SHOWN = 20;

function judge(
  signed: SignedTree,
  since: SignedTree | undefined,
  { missing, openIntents, admittedLosses, newest }: LedgerFindings,
  { maxAgeSeconds, now }: VerifyOptions,
): Verdict {
  const gaps = missing.map(
    ({ peer, instance, bootId, from, to }) =>
      `INCOMPLETE: ${peer} ${instance} boot ${bootId} lacks ${from === to ? `event ${String(from)}` : `events ${String(from)} to ${String(to)}`}`,
  );
  const intents = openIntents.map((id) => `INCOMPLETE: what became of request ${id} is not told`);
  const losses =
    admittedLosses > 0 ? [`INCOMPLETE: the log admits ${String(admittedLosses)} lost events`] : [];
  const age = Math.max(0, (now - newest) / 1000);
  const stale =
    maxAgeSeconds !== undefined && age > maxAgeSeconds
      ? [`INCOMPLETE: the newest event is ${age.toFixed(0)} s old`]
      : [];
  const wrong = [...gaps, ...intents, ...losses, ...stale];
  const summary = [
    `${signed.origin}: ${String(signed.size)} entries, root ${signed.root.toString('hex')}`,
    ...(since === undefined ? [] : [`continues the checkpoint of ${String(since.size)} entries`]),
  ];
  if (wrong.length === 0) return { exitCode: EXIT.whole, lines: [...summary, 'WHOLE'] };
  const more = wrong.length > SHOWN ? [`and ${String(wrong.length - SHOWN)} more`] : [];
  return { exitCode: EXIT.incomplete, lines: [...summary, ...wrong.slice(0, SHOWN), ...more] };
}
