import type { LoadAnswer } from './steady-load.ts';

/** What clients saw of one event. */
export interface OutageRow {
  readonly event: string;
  readonly ok: number;
  /** By status and code. */
  readonly failed: Readonly<Record<string, number>>;
  /** The longest time without a good answer. */
  readonly outageMilliseconds: number;
  readonly slowestMilliseconds: number;
}

export const isGood = ({ status, code }: LoadAnswer): boolean => status === 200 && code === undefined;

export function outageRow(event: string, answers: readonly LoadAnswer[]): OutageRow {
  const failed: Record<string, number> = {};
  for (const { status, code } of answers.filter((answer) => !isGood(answer))) {
    const name = `${String(status)} ${code ?? ''}`.trim();
    failed[name] = (failed[name] ?? 0) + 1;
  }
  const good = answers.filter(isGood).map(({ at }) => at);
  const gaps = good.map((at, index) => at - (good[index - 1] ?? at));
  return {
    event,
    ok: good.length,
    failed,
    outageMilliseconds: Math.max(0, ...gaps),
    slowestMilliseconds: Math.max(0, ...answers.map(({ milliseconds }) => milliseconds)),
  };
}
