import type { DeadLetter, ShippedEvent, SinkConnection } from '../../subgraphs/audit/shippers/sink.ts';

/** Events as a sink gets them, numbered from `from`. */
export function shippedEvents(from: number, count: number): readonly ShippedEvent[] {
  return Array.from({ length: count }, (_, at) => {
    const seq = from + at;
    const id = `018f0000-0000-7000-8000-${String(seq).padStart(12, '0')}`;
    return {
      position: seq,
      seq,
      id,
      documentId: id,
      time: 1_767_225_600_123,
      type: 'request',
      outcome: 'ALLOWED',
      traceId: 'f'.repeat(32),
      text: JSON.stringify({ metadata: { uid: id, sequence: seq } }),
    };
  });
}

/** Sends until all is taken. @returns what is refused for good */
export async function sendAll(
  connection: SinkConnection,
  events: readonly ShippedEvent[],
): Promise<readonly DeadLetter[]> {
  const refused: DeadLetter[] = [];
  for (let at = 0; at < events.length;) {
    const { taken, dead } = await connection.send(events.slice(at));
    refused.push(...dead);
    at += taken;
  }
  return refused;
}
