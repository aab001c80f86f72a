import { join } from 'node:path';
import { canonicalise } from './canonical.ts';
import { type Claims, readClaims } from './claims.ts';
import { EventLedger } from './event-ledger.ts';
import { readable } from './exported-files.ts';
import { leafHash, RootAccumulator } from './merkle.ts';
import type { SignedTree } from './note.ts';
import { Tampering, UsageProblem } from './problems.ts';
import { readHashes } from './read-hashes.ts';
import { readLines } from './read-lines.ts';
import { RepeatedNames, type Repeats, RepeatFinder } from './repeated-events.ts';
import { judge, type Report, tampered, unusable } from './verdict.ts';
import type { VerifyOptions } from './verify-options.ts';

const CLOCK_TOLERANCE_MS = 300_000;

/** Checks an exported log without network and without any code of the server. */
export async function verifyLog(options: VerifyOptions): Promise<Report> {
  let signed: SignedTree | undefined;
  try {
    const claims = await readClaims(options);
    signed = claims.signed;
    const ledger = new EventLedger(claims.minimumIndex > 0, options.now + CLOCK_TOLERANCE_MS);
    const names = new RepeatedNames();
    await readLeaves(options.folder, claims, (event, seq) => {
      ledger.add(event, seq);
      names.add(event);
    });
    const findings = ledger.findings();
    if (claims.minimumIndex > 0 && findings.retention?.minimumIndex !== claims.minimumIndex)
      throw new Tampering(
        `entries below ${String(claims.minimumIndex)} are gone, and no event of the log says so`,
      );
    const repeats = await findRepeated(options.folder, claims.minimumIndex, names.suspects());
    return judge(claims, { ...findings, ...repeats }, options);
  } catch (error) {
    if (error instanceof Tampering) return tampered(error.message, signed);
    if (error instanceof UsageProblem) return unusable(error.message);
    throw error;
  }
}

/** Reads the hashes of dropped entries, then entries one at a time, and holds them against both checkpoints. */
async function readLeaves(
  folder: string,
  { signed, since, stamped, recoveries, minimumIndex }: Claims,
  onEntry: (event: object, seq: number) => void,
): Promise<void> {
  const tree = new RootAccumulator();
  let seq = 0;
  const append = (leaf: Buffer): void => {
    if (seq >= signed.size)
      throw new Tampering(`there are entries beyond the ${String(signed.size)} signed ones`);
    tree.append(leaf);
    seq += 1;
    for (const { kept } of recoveries)
      if (kept?.size === seq) compare(tree, kept, 'last whole checkpoint before a recovery');
    if (since?.size === seq) compare(tree, since, 'older checkpoint');
    if (stamped?.size === seq) compare(tree, stamped, 'checkpoint that bears a time stamp');
  };
  if (since?.size === 0) compare(tree, since, 'older checkpoint');
  if (stamped?.size === 0) compare(tree, stamped, 'checkpoint that bears a time stamp');
  if (minimumIndex > 0)
    for await (const hash of readHashes(await readable(join(folder, 'dropped-hashes')))) append(hash);
  if (seq !== minimumIndex)
    throw new Tampering(`${String(minimumIndex)} entries are dropped, and ${String(seq)} hashes are there`);
  for await (const lines of readLines(await readable(join(folder, 'entries.jsonl'))))
    for (const line of lines) {
      append(leafHash(line));
      onEntry(parseEntry(line.toString('utf8'), seq - 1), seq - 1);
    }
  if (seq < signed.size)
    throw new Tampering(`${String(signed.size)} entries are signed, ${String(seq)} are there`);
  compare(tree, signed, 'checkpoint');
}

/** Reads entries that are verified once more, where some may be under one name: almost never. */
async function findRepeated(
  folder: string,
  minimumIndex: number,
  suspects: ReadonlySet<number>,
): Promise<Repeats> {
  const finder = new RepeatFinder(suspects);
  if (suspects.size === 0) return finder.findings();
  let seq = minimumIndex;
  for await (const lines of readLines(await readable(join(folder, 'entries.jsonl'))))
    for (const line of lines) {
      finder.add(JSON.parse(line.toString('utf8')) as object, seq, leafHash(line));
      seq += 1;
    }
  return finder.findings();
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
