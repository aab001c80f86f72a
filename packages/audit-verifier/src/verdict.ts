import { join } from 'node:path';
import type { Claims } from './claims.ts';
import type { LedgerFindings } from './event-ledger.ts';
import type { RepeatedEvents, Repeats } from './repeated-events.ts';
import type { SignedTree } from './note.ts';
import { printable } from './printable.ts';
import type { VerifyOptions } from './verify-options.ts';

/** The exit codes of a verification. */
export const EXIT = { whole: 0, tampered: 1, incomplete: 2, usage: 3 } as const;

export type Verdict = 'WHOLE' | 'TAMPERED' | 'INCOMPLETE' | 'UNUSABLE';

export interface Report {
  /** `UNUSABLE`: the verification was given something that it cannot judge. */
  readonly verdict: Verdict;
  readonly exitCode: (typeof EXIT)[keyof typeof EXIT];
  /** The tree that the log's key has signed; undefined where nothing is signed. */
  readonly signed: SignedTree | undefined;
  /** One sentence each: what contradicts a signature, or what is missing; exact, with whatever sources wrote. */
  readonly problems: readonly string[];
  /** For people: what was found, and the first problems; nothing in them that a terminal would obey. */
  readonly lines: readonly string[];
}

/** What is missing, or may be. */
export type Findings = LedgerFindings & Repeats;

const SHOWN = 20;

/** What all findings together come to, of a log that contradicts no signature. */
export function judge(claims: Claims, findings: Findings, options: VerifyOptions): Report {
  const { signed } = claims;
  const summary = summarise(claims, findings, options.folder);
  const problems = [
    ...claims.recoveries.map(describeRecovery),
    ...claims.doubts,
    ...gapsIn(findings, options),
  ];
  if (problems.length === 0)
    return { verdict: 'WHOLE', exitCode: EXIT.whole, signed, problems, lines: forPeople(summary, 'WHOLE') };
  const shown = problems.slice(0, SHOWN).map((problem) => `INCOMPLETE: ${problem}`);
  const more = problems.length > SHOWN ? [`and ${String(problems.length - SHOWN)} more`] : [];
  const lines = forPeople(summary, ...shown, ...more);
  return { verdict: 'INCOMPLETE', exitCode: EXIT.incomplete, signed, problems, lines };
}

/** A log that contradicts a signature. */
export function tampered(problem: string, signed: SignedTree | undefined): Report {
  const lines = forPeople([], `TAMPERED: ${problem}`);
  return { verdict: 'TAMPERED', exitCode: EXIT.tampered, signed, problems: [problem], lines };
}

/** Nothing that can be judged. */
export function unusable(problem: string): Report {
  const lines = forPeople([], problem);
  return { verdict: 'UNUSABLE', exitCode: EXIT.usage, signed: undefined, problems: [problem], lines };
}

/** Ids, names and reasons are what a source chose to write. */
function forPeople(summary: readonly string[], ...findings: readonly string[]): readonly string[] {
  return [...summary, ...findings].map(printable);
}

function describeRecovery({ lost, kept, reason }: Claims['recoveries'][number]): string {
  const from = kept?.size ?? 0;
  return `of ${String(lost.size)} entries that ${lost.origin} had signed, those from ${String(from)} to ${String(lost.size - 1)} were lost (${reason}); the counts of their sources show which events are gone`;
}

function gapsIn(
  { missing, repeated, isCut, open, openIntents, admittedLosses, newest }: Findings,
  { maxAgeSeconds, now }: VerifyOptions,
): readonly string[] {
  const gaps = missing.map(
    ({ peer, instance, bootId, from, to }) =>
      `${peer} ${instance} boot ${bootId} lacks ${from === to ? `event ${String(from)}` : `events ${String(from)} to ${String(to)}`}`,
  );
  const sources = open.map(
    ({ peer, instance, bootId, from, why }) =>
      `${peer} ${instance} boot ${bootId} is open from event ${String(from)} on: ${why === 'silent' ? 'it has not been heard of for long' : 'the next boot did not find its spool'}`,
  );
  const intents = openIntents.map((id) => `the outcome of request ${id} is not recorded`);
  const losses = admittedLosses > 0 ? [`the log admits ${String(admittedLosses)} lost events`] : [];
  const age = Math.max(0, (now - newest) / 1000);
  const isStale = maxAgeSeconds !== undefined && age > maxAgeSeconds;
  return [
    ...gaps,
    ...repeated.map(describeRepeated),
    ...(isCut ? ['more numbers or ids are there twice than are compared: others may be repeated too'] : []),
    ...sources,
    ...intents,
    ...losses,
    ...(isStale ? [`the newest event is ${age.toFixed(0)} s old`] : []),
  ];
}

/** Which of them its source has recorded, nothing in the log says. */
function describeRepeated({ what, of, count, first, entries }: RepeatedEvents): string {
  const [peer = '', instance, bootId] = of;
  const source = what === 'id' ? peer : `${peer} ${String(instance)} boot ${String(bootId)}`;
  const more = count > 1 ? `, and of at least ${String(count - 1)} more ${what}s` : '';
  return `${source} has different events of ${what} ${first} (entries ${entries.join(' and ')})${more}`;
}

function summarise(
  { signed, since, stamped, minimumIndex }: Claims,
  { retention }: LedgerFindings,
  folder: string,
): readonly string[] {
  return [
    `${signed.origin}: ${String(signed.size)} entries, root ${signed.root.toString('hex')}`,
    ...(minimumIndex === 0
      ? []
      : [
          `${String(minimumIndex)} entries dropped by retention, as entry ${String(retention?.seq)} announces: their hashes are covered, events are judged from entry ${String(minimumIndex)} on`,
        ]),
    ...(stamped === undefined ? [] : describeStamp(stamped, folder)),
    ...(since === undefined ? [] : [`continues the checkpoint of ${String(since.size)} entries`]),
  ];
}

/** Of a time stamp only what it is of can be checked without its authority's certificate. */
function describeStamp({ size, time }: NonNullable<Claims['stamped']>, folder: string): readonly string[] {
  return [
    `a time stamp says that ${String(size)} entries were there at ${time}; to check who says so:`,
    `  openssl ts -verify -data '${join(folder, 'timestamped-checkpoint')}' -in '${join(folder, 'timestamp.tsr')}' -CAfile CA`,
  ];
}
