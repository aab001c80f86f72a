/** Ranges of whole numbers, both ends included: in order, apart, and none next to another. */
export type NumberRanges = (readonly [from: number, to: number])[];

/** Adds a range in place. */
export function addRange(ranges: NumberRanges, from: number, to: number): void {
  const at = firstEndingAtOrAfter(ranges, from - 1);
  let [first, last, after] = [from, to, at];
  for (let next = ranges[after]; next !== undefined && next[0] <= last + 1; next = ranges[after]) {
    first = Math.min(first, next[0]);
    last = Math.max(last, next[1]);
    after += 1;
  }
  ranges.splice(at, after - at, [first, last]);
}

/** What lies between `start` and the last number, and is not there. */
export function gapsOf(ranges: NumberRanges, start: number): NumberRanges {
  const gaps: NumberRanges = [];
  let from = start;
  for (const [first, last] of ranges) {
    if (first > from) gaps.push([from, first - 1]);
    from = Math.max(from, last + 1);
  }
  return gaps;
}

function firstEndingAtOrAfter(ranges: NumberRanges, n: number): number {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ranges[middle]?.[1] ?? n) < n) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The range that a source reports; undefined for what is none. */
export function readRange(value: unknown): NumberRanges[number] | undefined {
  const [from, to] = Array.isArray(value) ? (value as readonly unknown[]) : [];
  if (!isCount(from) || !isCount(to) || from > to) return undefined;
  return [from, to];
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
