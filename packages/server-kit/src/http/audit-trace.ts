import type { AuditTrace } from '@aduana/client/audit/audit-event';
import type { TraceContext } from '@aduana/core/wire/trace-context';

/** A request's trace as its audit events name it: what the services record of one request is found together. */
export function auditTrace({ traceId, spanId }: TraceContext): AuditTrace {
  return { trace_id: traceId, span_id: spanId };
}
