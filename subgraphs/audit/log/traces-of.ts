interface EventTrace {
  readonly traceId: string;
  readonly spanId: string;
}

const TRACE_ID = /^[0-9a-f]{32}$/;
const SPAN_ID = /^[0-9a-f]{16}$/;

/** The traces that posted events name; of a body that is not one of events, none. */
export function tracesOf(body: string): readonly EventTrace[] {
  try {
    const { events } = JSON.parse(body) as { events?: unknown };
    return Array.isArray(events) ? events.flatMap(traceOf) : [];
  } catch {
    return [];
  }
}

function traceOf(event: unknown): readonly EventTrace[] {
  const { trace } = (event ?? {}) as { trace?: { trace_id?: unknown; span_id?: unknown } | null };
  const { trace_id: traceId, span_id: spanId } = trace ?? {};
  if (typeof traceId !== 'string' || typeof spanId !== 'string') return [];
  return TRACE_ID.test(traceId) && SPAN_ID.test(spanId) ? [{ traceId, spanId }] : [];
}
