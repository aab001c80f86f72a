import { isObject, isStamped } from '../log/parse-events.ts';
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

function formatEntry(entry: ShippedEntry, format: Format, position: number): ShippedEvent {
  const { seq, leaf_hash: leaf, has_namesake: hasNamesake } = entry;
  const envelope = readEnvelope(entry.canonical) ?? malformedEntry(entry);
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

/**
 * A source writes what it likes into these members: what is no object has no place in the formats, and is kept as a value.
 *
 * @returns undefined for what is no event
 */
function readEnvelope(canonical: string): Envelope | undefined {
  const event = parse(canonical);
  if (!isEnvelope(event)) return undefined;
  const { request, policy, trace, detail } = event;
  return {
    ...event,
    request: objectOf(request),
    policy: objectOf(policy),
    trace: objectOf(trace),
    detail: objectOf(detail) ?? {},
  };
}

function parse(canonical: string): unknown {
  try {
    return JSON.parse(canonical);
  } catch {
    return undefined;
  }
}

function isEnvelope(event: unknown): event is Envelope {
  return isStamped(event);
}

/** No source can post what is no event, but the writer's login can append it: its receiver is told that it is there. */
function malformedEntry({ seq, time }: ShippedEntry): Envelope {
  const nobody = { instance: 'unknown', boot_id: 'unknown', n: 0 };
  return {
    id: `entry-${String(seq)}`,
    time: new Date(time.getTime() || 0).toISOString(),
    type: 'audit.malformed',
    class_uid: 0,
    outcome: 'FAILED',
    source: { peer: 'unknown', ...nobody },
    actor: { sub: 'unknown' },
    detail: { reason: 'the entry is not an event' },
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
