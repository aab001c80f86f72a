import { expect } from '@jest/globals';
import { setTimeout as wait } from 'node:timers/promises';
import type { AnswerLedger } from '../answer-ledger.ts';
import { outageRow } from '../outage-row.ts';
import type { LoadAnswer } from '../steady-load.ts';
import { underLoad } from '../until.ts';
import type { Bed } from './bed.ts';
import { type BedLoad, startPacedLoad } from './paced-load.ts';

/** The contract's bound for every answer. */
const LONGEST_ANSWER_MS = 7000;
/** How long what lies in spools may need to reach the log once all is well. */
const SPOOLS_MS = 60_000;
/** What a client sees that finds nobody: its request was not sent. */
const NOT_TAKEN = ['ECONNREFUSED', 'ECONNRESET_BEFORE_TLS'];
const COLUMNS = [
  'event',
  'gateway ok / failed',
  'tokens ok / failed',
  'failed by code',
  'longest outage, gateway / tokens',
  'slowest, gateway / tokens',
  'lost',
  'verify',
  'recovered by itself after',
];

/** What befalls the bed, under load. */
export interface Event {
  readonly name: string;
  /** Before the load begins. */
  readonly prepare?: (bed: Bed) => Promise<unknown>;
  /** @returns a text that the row has as well, if any */
  happen(bed: Bed): Promise<unknown>;
  /** A process at which clients were connected is killed. */
  readonly cutsClients?: boolean;
  /** Answered events are gone, with the log's tail or with a disk: `audit verify` must show it, and for good. */
  readonly loses?: 'tail' | 'spool';
  readonly load?: (bed: Bed) => Promise<BedLoad>;
}

/** Plays events one after the other, and keeps the table. */
export interface Player {
  /** Prints and judges its row: nothing answered is lost, the log is whole, and all goes on by itself. */
  play(event: Event): Promise<void>;
  /** A row that is judged elsewhere. */
  note(...cells: readonly string[]): void;
  printTable(): void;
}

export function openPlayer(bed: Bed, ledger: AnswerLedger): Player {
  let lostBefore = 0;
  const rows: string[] = [rowOf(COLUMNS), rowOf(COLUMNS.map(() => '---'))];
  const note = (...cells: readonly string[]): void => {
    rows.push(rowOf(cells));
    process.stdout.write(`${rowOf(cells)}\n`);
  };

  return {
    note,
    async play(event) {
      await event.prepare?.(bed);
      const load = await (event.load ?? (({ services }) => startPacedLoad(services)))(bed);
      const { recovered, remark } = await befall(bed, event, load);
      ledger.add(load.gateway.filter(({ status }) => status !== 0));
      const lost = await countLost(ledger, lostBefore, event.loses === undefined ? SPOOLS_MS : 10_000);
      lostBefore += lost;
      const wanted = event.loses === undefined ? 'WHOLE' : 'INCOMPLETE';
      const verdict = await untilVerdict(bed, wanted);
      const all = [...load.gateway, ...load.tokens];
      const [gateway, tokens] = [outageRow(event.name, load.gateway), outageRow(event.name, load.tokens)];
      const slowest = Math.max(gateway.slowestMilliseconds, tokens.slowestMilliseconds);
      note(
        `${event.name}${remark}`,
        `${String(gateway.ok)} / ${String(load.gateway.length - gateway.ok)}`,
        `${String(tokens.ok)} / ${String(load.tokens.length - tokens.ok)}`,
        [...codes('', gateway.failed), ...codes('token ', tokens.failed)].join(', ') || '-',
        both(gateway.outageMilliseconds, tokens.outageMilliseconds),
        both(gateway.slowestMilliseconds, tokens.slowestMilliseconds),
        String(lost),
        verdict,
        event.loses === 'tail' ? `no: \`aduana audit recover\`, then ${recovered}` : recovered,
      );
      expect(verdict).toBe(wanted);
      if (event.loses === undefined) expect(lost).toBe(0);
      expect(slowest).toBeLessThan(underLoad(LONGEST_ANSWER_MS));
      expect(all.filter((answer) => isUnexpected(answer, event.cutsClients === true))).toEqual([]);
    },
    printTable() {
      process.stdout.write(`\n${rows.join('\n')}\n\n`);
    },
  };
}

/** @returns how long after its end everything was well again, and what the event says of itself */
async function befall(
  bed: Bed,
  { happen }: Event,
  load: BedLoad,
): Promise<{ readonly recovered: string; readonly remark: string }> {
  try {
    await load.untilMore(100);
    let recovered: string;
    let remark: unknown;
    try {
      remark = await happen(bed);
      const began = performance.now();
      await bed.services.untilHealthy();
      await load.untilMore(20);
      recovered = seconds(performance.now() - began);
    } finally {
      await bed.repair(); // still under load
    }
    await bed.services.untilHealthy();
    await load.untilMore(100);
    return { recovered, remark: typeof remark === 'string' ? ` (${remark})` : '' };
  } finally {
    await load.stop(); // what is under way has no outcome yet
  }
}

/** @param before what earlier events have lost for good */
async function countLost(
  ledger: AnswerLedger,
  before: number,
  patienceMilliseconds: number,
): Promise<number> {
  const deadline = performance.now() + patienceMilliseconds;
  for (;;) {
    const lost = (await ledger.missing()).length - before;
    if (lost === 0 || performance.now() > deadline) return lost;
    await wait(200);
  }
}

/** The first word of the last line of `aduana audit verify`; what a source has written and not sent yet is waited for. */
async function untilVerdict({ services }: Bed, wanted: string): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    const { stdout, stderr } = await services.aduana(['audit', 'verify']);
    const [verdict = ''] = stdout.trim().split('\n').at(-1)?.split(':') ?? [];
    if (verdict === wanted) return verdict;
    if (attempt === 4) {
      process.stdout.write(`${stdout}${stderr}`);
      return verdict;
    }
    await wait(2000);
  }
}

/** Refusals are 503, and answers in part are 200; a connection ends only with the process that held it. */
function isUnexpected({ status, code }: LoadAnswer, cutsClients: boolean): boolean {
  if (status === 0) return !cutsClients && !NOT_TAKEN.includes(code ?? '');
  return status !== 200 && status !== 503;
}

/** Of the gateway and, where there are any, of tokens. */
function both(gateway: number, tokens: number): string {
  return tokens === 0 ? seconds(gateway) : `${seconds(gateway)} / ${seconds(tokens)}`;
}

function codes(prefix: string, failed: Readonly<Record<string, number>>): readonly string[] {
  return Object.entries(failed).map(
    ([code, count]) => `${String(count)} x ${prefix}${code.replace(/^0 /, 'no answer: ')}`,
  );
}

export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

function rowOf(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
