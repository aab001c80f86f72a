import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalise } from './canonical.ts';
import { EventLedger, type LedgerFindings } from './event-ledger.ts';
import { leafHash, RootAccumulator } from './merkle.ts';
import { readLines } from './read-lines.ts';
import {
  openNote,
  parseCheckpoint,
  parseMinimumIndex,
  parseVerifierKey,
  type SignedTree,
  type VerifierKey,
} from './note.ts';
import { readHashes } from './read-hashes.ts';

/** The exit codes of a verification. */
export const EXIT = { whole: 0, tampered: 1, incomplete: 2, usage: 3 } as const;

export interface VerifyOptions {
  /** Holds `entries.jsonl`, `checkpoint`, `vkey`; of a log that dropped entries also `minimum-index` and `dropped-hashes`. */
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
    const claims = await readSigned(options);
    const ledger = new EventLedger(claims.minimumIndex > 0);
    await readLeaves(options.folder, claims, ledger);
    const findings = ledger.findings();
    if (claims.minimumIndex > 0 && findings.retention?.minimumIndex !== claims.minimumIndex)
      throw new Tampering(
        `entries below ${String(claims.minimumIndex)} are gone, and no event of the log says so`,
      );
    return judge(claims, findings, options);
  } catch (error) {
    if (error instanceof Tampering) return { exitCode: EXIT.tampered, lines: [`TAMPERED: ${error.message}`] };
    if (error instanceof UsageProblem) return { exitCode: EXIT.usage, lines: [error.message] };
    throw error;
  }
}

/** What the log's key has signed. */
interface Claims {
  readonly signed: SignedTree;
  readonly since: SignedTree | undefined;
  /** Entries below are dropped, but for their hashes. */
  readonly minimumIndex: number;
}

async function readSigned(options: VerifyOptions): Promise<Claims> {
  const key = parseVerifierKey(options.vkey ?? (await readText(join(options.folder, 'vkey'))));
  if (key === undefined) throw new UsageProblem('the verifier key is not one: name+hash+base64 is expected');
  const signed = openTree(await readText(join(options.folder, 'checkpoint')), key);
  if (signed === undefined) throw new Tampering('the checkpoint is not signed by the log');
  const minimumIndex = await readMinimumIndex(options.folder, signed, key);
  if (options.sinceFile === undefined) return { signed, since: undefined, minimumIndex };
  const since = openTree(await readText(options.sinceFile), key);
  if (since === undefined) throw new Tampering('the older checkpoint is not signed by the log');
  if (since.origin !== signed.origin) throw new UsageProblem('the older checkpoint is of another log');
  if (since.size > signed.size)
    throw new Tampering(`the log once had ${String(since.size)} entries, now ${String(signed.size)}`);
  return { signed, since, minimumIndex };
}

async function readMinimumIndex(folder: string, signed: SignedTree, key: VerifierKey): Promise<number> {
  const file = join(folder, 'minimum-index');
  const isThere = await access(file).then(() => true, () => false); // prettier-ignore
  if (!isThere) return 0;
  const text = openNote(await readText(file), key);
  const minimumIndex = text === undefined ? undefined : parseMinimumIndex(text, key.name);
  if (minimumIndex === undefined || minimumIndex > signed.size)
    throw new Tampering('the minimum index is not signed by the log');
  return minimumIndex;
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

/** Reads the hashes of dropped entries, then entries one at a time, and holds them against both checkpoints. */
async function readLeaves(
  folder: string,
  { signed, since, minimumIndex }: Claims,
  ledger: EventLedger,
): Promise<void> {
  const tree = new RootAccumulator();
  let seq = 0;
  const append = (leaf: Buffer): void => {
    if (seq >= signed.size)
      throw new Tampering(`there are entries beyond the ${String(signed.size)} signed ones`);
    tree.append(leaf);
    seq += 1;
    if (since?.size === seq) compare(tree, since, 'older checkpoint');
  };
  if (since?.size === 0) compare(tree, since, 'older checkpoint');
  if (minimumIndex > 0)
    for await (const hash of readHashes(await readable(join(folder, 'dropped-hashes')))) append(hash);
  if (seq !== minimumIndex)
    throw new Tampering(`${String(minimumIndex)} entries are dropped, and ${String(seq)} hashes are there`);
  for await (const lines of readLines(await readable(join(folder, 'entries.jsonl'))))
    for (const line of lines) {
      append(leafHash(line));
      ledger.add(parseEntry(line.toString('utf8'), seq - 1), seq - 1);
    }
  if (seq < signed.size)
    throw new Tampering(`${String(signed.size)} entries are signed, ${String(seq)} are there`);
  compare(tree, signed, 'checkpoint');
}

async function readable(file: string): Promise<string> {
  await access(file).catch(() => {
    throw new UsageProblem(`${file} cannot be read`);
  });
  return file;
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
  { signed, since, minimumIndex }: Claims,
  { missing, openIntents, admittedLosses, newest, retention }: LedgerFindings,
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
    ...(minimumIndex === 0
      ? []
      : [
          `${String(minimumIndex)} entries dropped by retention, as entry ${String(retention?.seq)} announces: their hashes are covered, events are judged from entry ${String(minimumIndex)} on`,
        ]),
    ...(since === undefined ? [] : [`continues the checkpoint of ${String(since.size)} entries`]),
  ];
  if (wrong.length === 0) return { exitCode: EXIT.whole, lines: [...summary, 'WHOLE'] };
  const more = wrong.length > SHOWN ? [`and ${String(wrong.length - SHOWN)} more`] : [];
  return { exitCode: EXIT.incomplete, lines: [...summary, ...wrong.slice(0, SHOWN), ...more] };
}
