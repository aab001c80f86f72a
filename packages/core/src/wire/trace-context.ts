import { randomDigits } from '../platform/ids.ts';
import type { TraceContext } from '../platform/tracer.ts';

export type { TraceContext } from '../platform/tracer.ts';

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** Continues the trace of a `traceparent` header (W3C Trace Context, section 3.2), or begins one where it is absent or malformed. */
export function parseTraceContext(traceparent: string | undefined): TraceContext {
  const [, traceId, parentId, flags] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  const spanId = randomDigits(16);
  if (traceId === undefined || parentId === undefined || /^0+$/.test(traceId) || /^0+$/.test(parentId))
    return { traceId: randomDigits(32), spanId, sampled: false };
  return { traceId, spanId, sampled: (Number.parseInt(flags ?? '00', 16) & 1) === 1, parentSpanId: parentId };
}

/** What log entries name a request's trace by. */
export function traceFields({ traceId, spanId }: Pick<TraceContext, 'traceId' | 'spanId'>) {
  return { trace_id: traceId, span_id: spanId };
}

/** The `traceparent` header for an outgoing call. */
export function formatTraceparent({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}
