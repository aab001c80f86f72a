import type { AuditRecord } from './audit-event.ts';

/** Where every room records what it decided. */
export interface AuditSink {
  /**
   * Resolves with the event's id once the event is durable: in the log, or in the spool on disk.
   *
   * @throws SecurityError `AUDIT_UNAVAILABLE` when neither takes it (unless the mode is `fail_open`)
   */
  record(record: AuditRecord): Promise<string>;
}
