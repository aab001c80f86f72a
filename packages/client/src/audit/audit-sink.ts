import type { TraceContext } from '@aduana/core/platform/tracer';
import type { AuditRecord } from './audit-event.ts';

/** Where modules record what they decided. */
export interface AuditSink {
  /**
   * Resolves with the event's id once the event is durable: in the log, or in the spool on disk.
   *
   * @param trace the trace that waits for it; default: none
   * @throws SecurityError `AUDIT_UNAVAILABLE` when neither takes it (unless the mode is `fail_open`)
   * @example
   * await audit.record({ type: 'app.order', class_uid: 6003, outcome: 'ALLOWED', actor });
   */
  record(record: AuditRecord, trace?: TraceContext): Promise<string>;
}
