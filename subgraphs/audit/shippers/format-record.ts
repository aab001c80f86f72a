import { isObject } from '../log/parse-events.ts';
import { toCef } from './cef-event.ts';
import { checkpointToCef, checkpointToOcsf } from './checkpoint-record.ts';
import type { Envelope } from './logged-event.ts';
import { toOcsf } from './ocsf-event.ts';
import type { ShippedEvent } from './sink.ts';
import type { ShippedCheckpoint, ShippedEntry, StreamRecord } from './stream-record.ts';

type Format = 'ocsf' | 'cef';

/** Receivers of OTLP refuse a record with any other. */
const TRACE_ID = /^[0-9a-f]{32}$/;

/** Puts a record of the stream into the format of a sink. */
export function formatRecord(record: StreamRecord, format: Format, position: number): ShippedEvent {
  return record.kind === 'entry'
    ? formatEntry(record, format, position)
    : formatCheckpoint(record, format, position);
}

function formatEntry(
  { seq, leaf_hash: leaf, canonical, has_namesake: hasNamesake }: ShippedEntry,
  format: Format,
  position: number,
): ShippedEvent {
  const envelope = readEnvelope(canonical);
  const leafHash = leaf.toString('hex');
  const logged = { seq, leafHash, envelope };
  const traceId = envelope.trace?.['trace_id'];
  return {
    position,
    seq,
    id: envelope.id,
    documentId: hasNamesake ? `${envelope.id}-${leafHash}` : envelope.id,
    time: Date.parse(envelope.time),
    type: envelope.type,
    outcome: envelope.outcome,
    traceId: typeof traceId === 'string' && TRACE_ID.test(traceId) ? traceId : undefined,
    text: format === 'cef' ? toCef(logged) : JSON.stringify(toOcsf(logged)),
  };
}

/** A source writes what it likes into these members: what is no object has no place in the formats, and is kept as a value. */
function readEnvelope(canonical: string): Envelope {
  const event = JSON.parse(canonical) as Envelope;
  const { request, policy, trace, detail } = event;
  return {
    ...event,
    request: objectOf(request),
    policy: objectOf(policy),
    trace: objectOf(trace),
    detail: objectOf(detail) ?? {},
  };
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | null {
  if (value === undefined || value === null) return null;
  return isObject(value) ? value : { value };
}

function formatCheckpoint(checkpoint: ShippedCheckpoint, format: Format, position: number): ShippedEvent {
  const { size, root, signed_at: signedAt } = checkpoint;
  // the same tree, signed again, is the same to the receiver
  const id = `checkpoint-${String(size)}-${root.toString('hex').slice(0, 16)}`;
  return {
    position,
    seq: undefined,
    id,
    documentId: id,
    time: signedAt.getTime(),
    type: 'audit.checkpoint',
    outcome: 'ALLOWED',
    traceId: undefined,
    text:
      format === 'cef' ? checkpointToCef(checkpoint, id) : JSON.stringify(checkpointToOcsf(checkpoint, id)),
  };
}
