import { SecurityError } from '@aduana/core/errors/security-error';
import type { EventPage } from './event-page.ts';
import type { StoredEvent } from './stored-event.ts';

/** An event as `AuditEvent` of the schema. */
export function toEventView(event: StoredEvent) {
  return {
    id: event.id,
    seq: event.seq,
    time: event.time.toISOString(),
    type: event.type,
    outcome: event.outcome,
    actor: event.actor,
    clientId: event.client_id,
    peer: event.peer,
    operation: event.operation,
    canonical: event.canonical,
    leafHash: event.leaf_hash.toString('hex'),
    service: event.client_id === null ? null : { id: event.client_id },
  };
}

/** A page that was read forwards; where it ended before the log does, the next one goes on from there. */
export function toConnection(
  { events, lookedThrough }: EventPage,
  hasPreviousPage: boolean,
  hasNextPage = lookedThrough !== undefined,
) {
  const end = lookedThrough ?? events.at(-1)?.seq;
  return {
    edges: events.map(toEdge),
    pageInfo: {
      hasNextPage,
      hasPreviousPage,
      startCursor: cursorOrNull(events[0]?.seq),
      endCursor: end !== undefined && end < 0 ? null : cursorOrNull(end),
    },
  };
}

/** A page that was read backwards. */
export function toLastConnection({ events, lookedThrough }: EventPage, hasNextPage: boolean) {
  return {
    edges: events.map(toEdge),
    pageInfo: {
      hasNextPage,
      hasPreviousPage: lookedThrough !== undefined,
      startCursor: cursorOrNull(lookedThrough ?? events[0]?.seq),
      endCursor: cursorOrNull(events.at(-1)?.seq),
    },
  };
}

/** @throws SecurityError `BAD_REQUEST` for what is no cursor of a connection */
export function seqOfCursor(cursor: string): number {
  const [, seq] = /^seq:(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? [];
  if (seq === undefined) throw new SecurityError('BAD_REQUEST', { detail: 'the cursor is not one of ours' });
  return Number(seq);
}

function toEdge(event: StoredEvent) {
  return { cursor: cursorOf(event.seq), node: toEventView(event) };
}

function cursorOf(seq: number): string {
  return Buffer.from(`seq:${String(seq)}`).toString('base64url');
}

function cursorOrNull(seq: number | undefined): string | null {
  return seq === undefined ? null : cursorOf(seq);
}
