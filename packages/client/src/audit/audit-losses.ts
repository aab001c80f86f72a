/** What an `audit.gap` admits: events that are neither in the log nor in the spool. */
export interface Gap {
  readonly count: number;
  /** Numbers of the boot's count, from and to inclusive; none where they are not known. */
  readonly ranges: readonly (readonly [number, number])[];
  /** Whether requests were answered without their event, or refused with 503. */
  readonly answered: boolean;
}

export interface Losses {
  /** Events of this boot that nothing took. */
  add(numbers: readonly number[]): void;
  /** Events, of any boot, that were called durable and are lost all the same. */
  addDurable(count: number): void;
  /**
   * What is lost since the last call.
   *
   * @param answered whether requests are answered although nothing takes their event (`fail_open`)
   */
  take(answered: boolean): readonly Gap[];
  /** What could not be admitted is told the next time. */
  restore(gap: Gap): void;
}

const MAX_RANGES = 128;

/** Remembers lost events until they can be admitted. */
export function createLosses(): Losses {
  let count = 0;
  let ranges: [number, number][] = [];
  let durable = 0;
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
    addDurable(more) {
      durable += more;
    },
    take(answered) {
      const gaps = [
        { count, ranges, answered },
        { count: durable, ranges: [], answered: true },
      ].filter((gap) => gap.count > 0);
      count = durable = 0;
      ranges = [];
      return gaps;
    },
    restore(gap) {
      if (gap.ranges.length === 0) durable += gap.count;
      else {
        count += gap.count;
        ranges = [...gap.ranges.map(([from, to]): [number, number] => [from, to]), ...ranges];
      }
    },
  };
}
