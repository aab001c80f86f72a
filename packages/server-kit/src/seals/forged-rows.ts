import { auditEvent } from '@aduana/client/audit/event-catalogue';
import { ANONYMOUS } from '@aduana/client/audit/audit-event';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import { sha256Base64url } from '@aduana/core/platform/digest';
import { describeError, type Log } from '@aduana/core/platform/log';

/** A row that this service did not write as it is stored. */
export interface ForgedRow {
  readonly table: string;
  /** Which row: kid, or service and version. */
  readonly row: string;
  readonly problem: string;
}

/** What was found in the store and refused: logged and recorded once each, and shown by `/health` while it is there. */
export interface ForgedRows {
  /** Replaces what was found in a table before. */
  found(table: string, rows: readonly ForgedRow[]): void;
  /** `ok`, or what is wrong in a few words. */
  readonly state: string;
  /** Where the events go; those from before wait for it. */
  recordWith(audit: AuditSink): void;
}

const MOST_REPORTED = 200;
const LONGEST_PLACE = 200;

export function createForgedRows(log: Log): ForgedRows {
  const current = new Map<string, number>();
  const reported = new Set<string>();
  const waiting: ForgedRow[] = [];
  let audit: AuditSink | undefined;

  const record = (forged: ForgedRow, sink: AuditSink): void => {
    const { table, row, problem } = forged;
    sink
      .record({
        ...auditEvent('store.forged', { table, row: row.slice(0, LONGEST_PLACE), problem }),
        outcome: 'DENIED',
        actor: ANONYMOUS, // whoever wrote the row had a login of the database, and no identity here
      })
      .catch((error: unknown) => {
        log.error('a forged row could not be recorded', { error: describeError(error) });
      });
  };
  const report = (forged: ForgedRow): void => {
    const key = sha256Base64url(JSON.stringify(forged));
    if (reported.has(key) || reported.size >= MOST_REPORTED) return;
    reported.add(key);
    const { table, problem } = forged;
    log.error('a row of the store was not written by this service and is refused', {
      table,
      row: forged.row.slice(0, LONGEST_PLACE),
      problem,
    });
    if (audit === undefined) waiting.push(forged);
    else record(forged, audit);
  };

  return {
    found(table, rows) {
      current.set(table, rows.length);
      rows.forEach(report);
    },
    get state() {
      const count = [...current.values()].reduce((sum, one) => sum + one, 0);
      return count === 0 ? 'ok' : `${String(count)} forged rows are refused: see the log`;
    },
    recordWith(sink) {
      audit = sink;
      for (const forged of waiting.splice(0)) record(forged, sink);
    },
  };
}
