import type { AuditTrace } from '../audit/audit-event.ts';
import type { TraceContext } from '../wire/trace-context.ts';

/** A request's trace as its audit events name it: what the services record of one request is found together. */
export function auditTrace({ traceId, spanId }: TraceContext): AuditTrace {
  return { trace_id: traceId, span_id: spanId };
}
