import { toCef } from './cef-event.ts';
import { checkpointToCef, checkpointToOcsf } from './checkpoint-record.ts';
import type { Envelope } from './logged-event.ts';
import { toOcsf } from './ocsf-event.ts';
import type { ShippedEvent } from './sink.ts';
import type { ShippedCheckpoint, StreamRecord } from './stream-record.ts';

type Format = 'ocsf' | 'cef';

/** Puts a record of the stream into the format of a sink. */
export function formatRecord(record: StreamRecord, format: Format, position: number): ShippedEvent {
  return record.kind === 'entry'
    ? formatEntry(record, format, position)
    : formatCheckpoint(record, format, position);
}

function formatEntry(
  { seq, leaf_hash: leaf, canonical }: Extract<StreamRecord, { readonly kind: 'entry' }>,
  format: Format,
  position: number,
): ShippedEvent {
  const envelope = JSON.parse(canonical) as Envelope;
  const logged = { seq, leafHash: leaf.toString('hex'), envelope };
  const traceId = envelope.trace?.['trace_id'];
  return {
    position,
    seq,
    id: envelope.id,
    time: Date.parse(envelope.time),
    type: envelope.type,
    outcome: envelope.outcome,
    traceId: typeof traceId === 'string' ? traceId : undefined,
    text: format === 'cef' ? toCef(logged) : JSON.stringify(toOcsf(logged)),
  };
}

function formatCheckpoint(checkpoint: ShippedCheckpoint, format: Format, position: number): ShippedEvent {
  const { size, root, signed_at: signedAt } = checkpoint;
  // the same tree, signed again, is the same to the receiver
  const id = `checkpoint-${String(size)}-${root.toString('hex').slice(0, 16)}`;
  return {
    position,
    seq: undefined,
    id,
    time: signedAt.getTime(),
    type: 'audit.checkpoint',
    outcome: 'ALLOWED',
    traceId: undefined,
    text:
      format === 'cef' ? checkpointToCef(checkpoint, id) : JSON.stringify(checkpointToOcsf(checkpoint, id)),
  };
}
