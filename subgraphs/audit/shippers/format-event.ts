import { toCef } from './cef-event.ts';
import type { Envelope } from './logged-event.ts';
import { toOcsf } from './ocsf-event.ts';
import type { ShippedEvent } from './sink.ts';

/** An entry of the log as the shippers read it. */
export interface ReadEntry {
  readonly seq: number;
  readonly leaf_hash: Buffer;
  readonly canonical: string;
}

/** Puts an entry into the format of a sink. */
export function formatEvent(
  { seq, leaf_hash: leaf, canonical }: ReadEntry,
  format: 'ocsf' | 'cef',
): ShippedEvent {
  const envelope = JSON.parse(canonical) as Envelope;
  const logged = { seq, leafHash: leaf.toString('hex'), envelope };
  const traceId = envelope.trace?.['trace_id'];
  return {
    seq,
    id: envelope.id,
    time: Date.parse(envelope.time),
    type: envelope.type,
    outcome: envelope.outcome,
    traceId: typeof traceId === 'string' ? traceId : undefined,
    text: format === 'cef' ? toCef(logged) : JSON.stringify(toOcsf(logged)),
  };
}
