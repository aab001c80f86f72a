import type { ShippedEvent } from '../../subgraphs/audit/shippers/sink.ts';

/** Events as a sink gets them, numbered from `from`. */
export function shippedEvents(from: number, count: number): readonly ShippedEvent[] {
  return Array.from({ length: count }, (_, at) => {
    const seq = from + at;
    const id = `018f0000-0000-7000-8000-${String(seq).padStart(12, '0')}`;
    return {
      position: seq,
      seq,
      id,
      time: 1_767_225_600_123,
      type: 'request',
      outcome: 'ALLOWED',
      traceId: 'f'.repeat(32),
      text: JSON.stringify({ metadata: { uid: id, sequence: seq } }),
    };
  });
}
