import type { Database } from '@aduana/server-kit/store/database';

/** An entry as the database has it. */
export interface StoredEvent {
  readonly seq: number;
  readonly id: string;
  readonly time: Date;
  readonly type: string;
  readonly outcome: string;
  readonly actor: string;
  readonly client_id: string | null;
  readonly peer: string;
  readonly operation: string | null;
  readonly canonical: string;
  readonly leaf_hash: Buffer;
}

const COLUMNS = 'seq, id, time, type, outcome, actor, client_id, peer, operation, canonical, leaf_hash';

export interface EventFilter {
  readonly actor?: string | null;
  readonly outcome?: string | null;
  readonly operation?: string | null;
  readonly type?: string | null;
  readonly traceId?: string | null;
  /** `Type.field`, which the resolver has checked. */
  readonly field?: string | null;
  /** RFC 3339. */
  readonly since?: string | null;
  readonly until?: string | null;
}

/**
 * Events after `afterSeq`, and before `beforeSeq`, that the filter lets through, in the order of the log.
 *
 * @param order `DESC`: the last ones, the newest first
 */
export async function findEvents(
  reader: Database,
  filter: EventFilter,
  afterSeq: number,
  limit: number,
  beforeSeq?: number,
  order: 'ASC' | 'DESC' = 'ASC',
): Promise<readonly StoredEvent[]> {
  // The planner does not know that no whole number lies between: it would look into the partition before, too.
  const parameters: unknown[] = [afterSeq + 1];
  const conditions = ['seq >= $1'];
  const also = (condition: (place: string) => string, value: unknown): void => {
    if (value === undefined || value === null) return;
    parameters.push(value);
    conditions.push(condition(`$${String(parameters.length)}`));
  };
  also((place) => `seq < ${place}`, beforeSeq);
  also((place) => `actor = ${place}`, filter.actor);
  also((place) => `outcome = ${place}`, filter.outcome);
  also((place) => `operation = ${place}`, filter.operation);
  also((place) => `type = ${place}`, filter.type);
  also((place) => `trace_id = ${place}`, filter.traceId);
  // Only requests name fields; in canonical text each is a JSON string.
  const field = filter.field == null ? undefined : JSON.stringify(filter.field);
  also((place) => `type = 'request' AND position(${place}::text in canonical) > 0`, field);
  also((place) => `time >= ${place}`, filter.since);
  also((place) => `time < ${place}`, filter.until);
  parameters.push(limit);
  const { rows } = await reader.query<StoredEvent>(
    `SELECT ${COLUMNS} FROM entries WHERE ${conditions.join(' AND ')} ORDER BY seq ${order} LIMIT $${String(parameters.length)}`,
    parameters,
  );
  return rows;
}

/** The event that was recorded under an id; the gateway's where several sources used the same one. */
export async function findEventById(reader: Database, id: string): Promise<StoredEvent | undefined> {
  const { rows } = await reader.query<StoredEvent>(
    `SELECT ${COLUMNS} FROM entries WHERE seq IN (SELECT i.seq FROM event_ids i WHERE i.id = $1)
     ORDER BY (peer = 'gateway') DESC, seq LIMIT 1`,
    [id],
  );
  return rows[0];
}

/** The newest events of an actor. */
export async function findEventsOf(
  reader: Database,
  actor: string,
  limit: number,
): Promise<readonly StoredEvent[]> {
  const { rows } = await reader.query<StoredEvent>(
    `SELECT ${COLUMNS} FROM entries WHERE actor = $1 ORDER BY seq DESC LIMIT $2`,
    [actor, limit],
  );
  return rows;
}
