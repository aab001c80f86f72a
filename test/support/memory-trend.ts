import { readFileSync } from 'node:fs';

/** Resident memory of processes over time, each told from what came in its place. */
export interface MemoryTrend {
  sample(name: string, pid: number | undefined): void;
  /** The last reading of each name, in MiB. */
  readonly latest: ReadonlyMap<string, number>;
  /** How many processes have readings enough. */
  readonly judged: number;
  /** Processes that grew by more than `ratio` between the second third of their readings and the last; few readings reveal nothing. */
  grown(ratio: number): readonly string[];
}

/** Ten minutes of one reading a second: a younger process still fills its caches. */
const LEAST_READINGS = 600;

export function createMemoryTrend(
  read: (pid: number) => number | undefined = residentMebibytes,
): MemoryTrend {
  const readings = new Map<string, number[]>();
  const latest = new Map<string, number>();
  return {
    latest,
    get judged() {
      return [...readings.values()].filter(({ length }) => length >= LEAST_READINGS).length;
    },
    sample(name, pid) {
      const size = pid === undefined ? undefined : read(pid);
      if (size === undefined) return;
      const key = `${name} ${String(pid)}`;
      const known = readings.get(key) ?? [];
      known.push(size);
      readings.set(key, known);
      latest.set(name, Math.round(size));
    },
    grown: (ratio) =>
      [...readings].flatMap(([key, sizes]) => {
        const third = Math.floor(sizes.length / 3);
        const [before, after] = [median(sizes.slice(third, -third)), median(sizes.slice(-third))];
        if (sizes.length < LEAST_READINGS || after <= before * ratio) return [];
        return [`${key}: ${before.toFixed(0)} MiB, then ${after.toFixed(0)}`];
      }),
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** @returns undefined for a process that has ended */
function residentMebibytes(pid: number): number | undefined {
  try {
    const [, kibibytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8')) ?? [];
    return kibibytes === undefined ? undefined : Number(kibibytes) / 1024;
  } catch {
    return undefined;
  }
}
