import { join } from 'node:path';
import type { Claims } from './claims.ts';
import type { LedgerFindings } from './event-ledger.ts';
import type { VerifyOptions } from './verify-options.ts';

/** The exit codes of a verification. */
export const EXIT = { whole: 0, tampered: 1, incomplete: 2, usage: 3 } as const;

export interface Verdict {
  readonly exitCode: (typeof EXIT)[keyof typeof EXIT];
  /** One line each: what was found, or what is wrong. */
  readonly lines: readonly string[];
}

const SHOWN = 20;

/** What all findings together come to. */
export function judge(
  { signed, since, stamped, minimumIndex }: Claims,
  { missing, openIntents, admittedLosses, newest, retention }: LedgerFindings,
  { folder, maxAgeSeconds, now }: Pick<VerifyOptions, 'folder' | 'maxAgeSeconds' | 'now'>,
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
    ...(stamped === undefined ? [] : toldBy(stamped, folder)),
    ...(since === undefined ? [] : [`continues the checkpoint of ${String(since.size)} entries`]),
  ];
  if (wrong.length === 0) return { exitCode: EXIT.whole, lines: [...summary, 'WHOLE'] };
  const more = wrong.length > SHOWN ? [`and ${String(wrong.length - SHOWN)} more`] : [];
  return { exitCode: EXIT.incomplete, lines: [...summary, ...wrong.slice(0, SHOWN), ...more] };
}

/** Of a time stamp only what it is of can be checked without its authority's certificate. */
function toldBy({ size, time }: NonNullable<Claims['stamped']>, folder: string): readonly string[] {
  return [
    `a time stamp says that ${String(size)} entries were there at ${time}; to check who says so:`,
    `  openssl ts -verify -data '${join(folder, 'timestamped-checkpoint')}' -in '${join(folder, 'timestamp.tsr')}' -CAfile CA`,
  ];
}
