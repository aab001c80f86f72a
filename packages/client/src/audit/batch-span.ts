import type { Span, Tracer } from '@aduana/core/platform/tracer';
import type { WaitingEvent } from './audit-batch.ts';

/** A span's links; what comes beyond them finds the append by its own span. */
const MOST_LINKS = 128;

/** The append of several events is in no trace of theirs: it has one of its own, which names each that is recorded. */
export function startBatchSpan(batch: readonly WaitingEvent[], tracer?: Tracer): Span | undefined {
  if (tracer?.enabled !== true || batch.length < 2) return undefined;
  const traces = batch.flatMap(({ event: { trace } }) => (trace?.sampled === true ? [trace] : []));
  if (traces.length === 0) return undefined;
  const span = tracer.startRoot('audit append', 'client');
  for (const trace of traces.slice(0, MOST_LINKS)) span?.link(trace);
  return span;
}
