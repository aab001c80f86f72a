/** The value that `share` percent of the values do not exceed. */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * share) / 100))] ?? 0;
}

/** p50, p95 and p99 of spans in milliseconds. */
export function percentiles(spans) {
  return Object.fromEntries(
    [50, 95, 99].map((share) => [`p${String(share)}Ms`, Number(percentile(spans, share).toPrecision(3))]),
  );
}
