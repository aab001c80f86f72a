/** What an `audit.gap` admits: events of this boot that are neither in the log nor in the spool. */
export interface Gap {
  readonly count: number;
  /** Numbers of the boot's count, from and to inclusive. */
  readonly ranges: readonly (readonly [number, number])[];
  /** Whether requests were answered without their event (`fail_open`), or refused with 503. */
  readonly answered: boolean;
}

const MAX_RANGES = 128;

/** Remembers lost events until they can be admitted. */
export function createLosses(): {
  add(numbers: readonly number[]): void;
  /** What is lost since the last call; undefined where nothing is. */
  take(answered: boolean): Gap | undefined;
} {
  let count = 0;
  let ranges: [number, number][] = [];
  return {
    add(numbers) {
      count += numbers.length;
      for (const n of numbers) {
        const last = ranges.at(-1);
        if (last !== undefined && (n === last[1] + 1 || ranges.length >= MAX_RANGES))
          last[1] = Math.max(n, last[1]);
        else ranges.push([n, n]);
      }
    },
    take(answered) {
      if (count === 0) return undefined;
      const gap = { count, ranges, answered };
      count = 0;
      ranges = [];
      return gap;
    },
  };
}
