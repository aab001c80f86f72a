import { SecurityError } from '@aduana/core/errors/security-error';
import type { AuditRecord } from '@aduana/client/audit/audit-event';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import type { Clock } from '@aduana/core/platform/clock';
import { within } from '@aduana/core/platform/within';

/** Whether messages may leave: what was sent before them is on its way into the log, and none of it for long. */
export interface AuditGate {
  /** Records what was sent, again and again until it is durable. */
  append(record: AuditRecord): void;
  readonly isOpen: boolean;
  /**
   * Waits until messages may leave.
   *
   * @throws SecurityError `AUDIT_UNAVAILABLE` where that takes too long
   */
  pass(): Promise<void>;
  /** Waits, for a bounded time, until what was given is durable. */
  close(): Promise<void>;
}

const LONGEST_UNACKNOWLEDGED_MS = 1_000;
const LONGEST_WAIT_MS = 10_000;
const RETRY_MS = 1_000;
const LAST_WAIT_MS = 3_000;

export function createAuditGate(audit: AuditSink, clock: Clock): AuditGate {
  /** When each was first given to the log, the oldest first. */
  const pending = new Map<AuditRecord, number>();
  let waiting: (() => void)[] = [];
  let onEmpty: (() => void) | undefined;
  let isClosed = false;
  const isOpen = (): boolean => {
    for (const since of pending.values()) return clock.monotonic() - since <= LONGEST_UNACKNOWLEDGED_MS;
    return true;
  };
  const settle = (record: AuditRecord): void => {
    pending.delete(record);
    if (pending.size === 0) onEmpty?.();
    if (waiting.length === 0 || !isOpen()) return;
    const passed = waiting;
    waiting = [];
    for (const pass of passed) pass();
  };
  const record = (entry: AuditRecord): void => {
    audit.record(entry).then(
      () => {
        settle(entry);
      },
      () => {
        if (isClosed) settle(entry);
        else
          clock.after(RETRY_MS, () => {
            record(entry);
          });
      },
    );
  };
  return {
    append(entry) {
      pending.set(entry, clock.monotonic());
      record(entry);
    },
    get isOpen() {
      return isOpen();
    },
    async pass() {
      if (isOpen()) return;
      const late = () => new SecurityError('AUDIT_UNAVAILABLE', { detail: 'streams are not recorded' });
      await within(clock, LONGEST_WAIT_MS, late, () => new Promise<void>((resolve) => waiting.push(resolve)));
    },
    async close() {
      isClosed = true;
      if (pending.size === 0) return;
      const empty = new Promise<void>((resolve) => (onEmpty = resolve));
      await within(clock, LAST_WAIT_MS, () => new Error('not in time'), () => empty).catch(() => undefined); // prettier-ignore
    },
  };
}
