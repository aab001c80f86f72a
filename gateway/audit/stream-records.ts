import { auditEvent } from '@aduana/client/audit/event-catalogue';
import type { AuditRecord } from '@aduana/client/audit/audit-event';
import { uuidv7 } from '@aduana/core/platform/ids';
import type { TraceContext } from '@aduana/core/wire/trace-context';
import type { RequestAudit } from './request-audit.ts';

/** The stream whose events these are: its id is that of its `stream.open` event. */
export type RecordedStream = Pick<RequestAudit, 'id' | 'actor'> & { readonly trace: TraceContext };

/** Messages that were sent, by their numbers from 1, both included. */
export interface SentMessages {
  readonly first: number;
  readonly last: number;
  /** How many fields were nulled in them by rights. */
  readonly nulled: number;
  /** What is refused from now on, where that has changed. */
  readonly refused: Readonly<Record<string, unknown>>;
}

export function messagesRecord(
  stream: RecordedStream,
  { first, last, nulled, refused }: SentMessages,
  now: number,
): AuditRecord {
  return {
    id: uuidv7(now),
    ...auditEvent('stream.messages', { stream: stream.id, first, last, nulled, ...refused }),
    outcome: nulled === 0 ? 'ALLOWED' : 'PARTIAL',
    ...describeStream(stream),
  };
}

export function closeRecord(
  stream: RecordedStream,
  {
    total,
    reason,
    code,
  }: { readonly total: number; readonly reason: string; readonly code?: string | undefined },
  now: number,
): AuditRecord {
  const denied = reason === 'revoked' || reason === 'expired' || reason === 'refused';
  return {
    id: uuidv7(now),
    ...auditEvent('stream.close', {
      stream: stream.id,
      total,
      reason,
      ...(code === undefined ? {} : { code }),
    }),
    outcome: denied ? 'DENIED' : code === undefined ? 'ALLOWED' : 'FAILED',
    ...describeStream(stream),
  };
}

function describeStream({ actor, trace }: RecordedStream): Pick<AuditRecord, 'actor' | 'trace'> {
  return { actor, trace: { trace_id: trace.traceId, span_id: trace.spanId } };
}
