import { auditEvent } from '@aduana/client/audit/event-catalogue';
import { ANONYMOUS } from '@aduana/client/audit/audit-event';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import type { Database } from '@aduana/server-kit/store/database';
import { isStamped } from './parse-events.ts';

export interface EndedInstanceOptions {
  readonly reader: Database;
  readonly sink: AuditSink;
  /** Stops below that entry have been dealt with. */
  readonly stopsFrom: number;
  /** Boots of which something has come late, since it was held while the log was away: they are looked at once more. */
  readonly late?: readonly string[];
}

/** A boot of an instance that has stopped, or of which another boot has begun since: an instance has one at a time. */
interface EndedInstance {
  readonly peer: string;
  readonly instance: string;
  readonly boot_id: string;
  readonly started: number;
  /** The entry that ended it: its `source.stop`, or the `source.start` after it; of one that came late, the last entry. */
  readonly ended: number;
  readonly stopped: number | null;
  /** Whether its loss is recorded. */
  readonly told: boolean;
  /** Neither stopped nor told, and not one that came late. */
  readonly is_lost: boolean;
  /** Its place among those of its peer. */
  readonly rank: number;
}

const INTENTS_AT_ONCE = 1000;
/** After that many it is not the intents: the log takes nothing. */
const MAX_FAILURES = 10;

/** Of each peer, in one closing: whoever loses thousands keeps nobody else waiting. */
const LOST_AT_ONCE = 100;

export interface Closed {
  /** From which entry on stops are still to be dealt with. */
  readonly stopsFrom: number;
  /** Whether boots are left for another closing. */
  readonly hasMore: boolean;
}

/**
 * Records what ended boots left open: `request.unknown` for each intent without an outcome, and `source.lost` for those that
 * never stopped. Of whatever source: the log itself may have died while it closed one.
 *
 * @throws AggregateError where some could not be closed
 */
export async function closeEndedInstances({
  reader,
  sink,
  stopsFrom,
  late = [],
}: EndedInstanceOptions): Promise<Closed> {
  const rows = await findEnded(reader, stopsFrom, late);
  const failures: unknown[] = [];
  for (const boot of rows)
    await closeBoot(reader, sink, boot).catch((error: unknown) => {
      failures.push(error);
    });
  if (failures.length > 0) throw new AggregateError(failures, 'some ended instances could not be closed');
  return {
    stopsFrom: Math.max(stopsFrom, ...rows.map(({ stopped }) => (stopped ?? -1) + 1)),
    hasMore: rows.some(({ is_lost: isLost, rank }) => isLost && rank === LOST_AT_ONCE),
  };
}

/** One pass over what sources say of themselves: to compare each boot with each loss takes the square of their number. */
async function findEnded(
  reader: Database,
  stopsFrom: number,
  late: readonly string[],
): Promise<readonly EndedInstance[]> {
  const { rows } = await reader.query<EndedInstance>(
    `WITH told AS (
       SELECT peer, instance, boot_id, type, seq, time FROM entries WHERE type IN ('source.start', 'source.stop')
       UNION ALL
       SELECT detail ->> 'peer', detail ->> 'instance', detail ->> 'boot_id', type, seq, time
       FROM (SELECT detail_of(canonical) AS detail, type, seq, time
         FROM entries WHERE type = 'source.lost' AND peer = 'audit') l),
     boots AS (
       SELECT peer, instance, boot_id, min(seq) FILTER (WHERE type = 'source.start') AS started,
         min(time) FILTER (WHERE type = 'source.start') AS began,
         min(seq) FILTER (WHERE type = 'source.stop') AS stopped, bool_or(type = 'source.lost') AS told
       FROM told GROUP BY peer, instance, boot_id),
     judged AS (
       -- the last ones first: what has succeeded a boot is what came before it
       SELECT *, boot_id = ANY($2) AS is_late, min(started) OVER (PARTITION BY peer, instance
         ORDER BY began DESC, started DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS succeeded
       FROM boots WHERE started IS NOT NULL),
     ended AS (
       SELECT *, stopped IS NULL AND NOT told AND NOT is_late AS is_lost FROM judged
       WHERE stopped >= $1 OR (is_late AND coalesce(stopped, succeeded) IS NOT NULL)
         OR (stopped IS NULL AND succeeded > started AND NOT told))
     SELECT peer, instance, boot_id, started, stopped, told, is_lost, rank,
       CASE WHEN is_late THEN (SELECT max(seq) FROM entries) ELSE coalesce(stopped, succeeded) END AS ended
     FROM (SELECT *, row_number() OVER (PARTITION BY peer, is_lost ORDER BY started) AS rank FROM ended) r
     WHERE NOT is_lost OR rank <= ${String(LOST_AT_ONCE)} ORDER BY rank, started`,
    [stopsFrom, late],
  );
  return rows;
}

/** Where the log itself last began before now: it has dealt with the stops before that. */
export async function findPreviousStart(reader: Database, instance: string): Promise<number> {
  const { rows } = await reader.query<{ seq: number }>(
    `SELECT seq FROM entries WHERE type = 'source.start' AND peer = 'audit' AND instance = $1
     ORDER BY seq DESC LIMIT 1`,
    [instance],
  );
  return rows[0]?.seq ?? 0;
}

async function closeBoot(reader: Database, sink: AuditSink, boot: EndedInstance): Promise<void> {
  const { peer, instance, boot_id: bootId, started, ended, stopped, told } = boot;
  const openCount = await recordUnknowns(reader, sink, boot);
  if (stopped !== null || told) return;
  const { rows: last } = await reader.query<{ n: number }>(
    'SELECT max(n) AS n FROM entries WHERE peer = $1 AND instance = $2 AND boot_id = $3 AND seq BETWEEN $4 AND $5',
    [peer, instance, bootId, started, ended],
  );
  await sink.record({
    ...auditEvent('source.lost', {
      peer,
      instance,
      boot_id: bootId,
      last_n: last[0]?.n ?? null,
      open_intents: openCount,
      unsettled_floods: await countUnsettledFloods(reader, boot),
    }),
    outcome: 'FAILED',
    actor: { ...ANONYMOUS, sub: instance, client_id: peer },
  });
}

/**
 * One that cannot be recorded keeps no other from it.
 *
 * @returns how many there were
 * @throws AggregateError where some could not be recorded: the boot is not told as lost before they are
 */
async function recordUnknowns(reader: Database, sink: AuditSink, boot: EndedInstance): Promise<number> {
  const failures: unknown[] = [];
  let count = 0;
  for await (const canonical of openIntents(reader, boot)) {
    await recordUnknown(sink, boot.peer, canonical).catch((error: unknown) => {
      failures.push(error);
    });
    if (failures.length === MAX_FAILURES) break;
    count += 1;
  }
  if (failures.length > 0) throw new AggregateError(failures, 'some intents could not be closed');
  return count;
}

/** Intents of a boot whose outcome is neither recorded nor recorded as unknown. */
async function* openIntents(
  reader: Database,
  { peer, instance, boot_id: bootId, started, ended }: EndedInstance,
): AsyncGenerator<string> {
  for (let from = started; ;) {
    const { rows } = await reader.query<{ seq: number; canonical: string }>(
      `SELECT i.seq, i.canonical FROM entries i
         CROSS JOIN LATERAL (SELECT detail_of(i.canonical) ->> 'audit_id' AS audit_id) d
       WHERE i.type = 'request.intent' AND i.peer = $1 AND i.instance = $2 AND i.boot_id = $3
         AND i.seq >= $4 AND i.seq <= $5
         AND NOT EXISTS (SELECT 1 FROM event_ids o WHERE o.peer = $1
           AND o.id = CASE WHEN d.audit_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN d.audit_id::uuid END)
         AND NOT EXISTS (SELECT 1 FROM entries u WHERE u.type = 'request.unknown' AND u.peer = 'audit' AND u.seq > i.seq
           AND detail_of(u.canonical) ->> 'peer' = $1
           AND coalesce(detail_of(u.canonical) ->> 'audit_id', detail_of(u.canonical) ->> 'intent_id')
             = coalesce(d.audit_id, i.id::text))
       ORDER BY i.seq LIMIT ${String(INTENTS_AT_ONCE)}`,
      [peer, instance, bootId, from, ended],
    );
    for (const { canonical } of rows) yield canonical;
    if (rows.length < INTENTS_AT_ONCE) return;
    from = (rows.at(-1)?.seq ?? ended) + 1;
  }
}

/** Floods of anonymous refusals whose count ended with the boot: at least as many as their first event says were refused. */
async function countUnsettledFloods(
  reader: Database,
  { peer, instance, boot_id: bootId, started, ended }: EndedInstance,
): Promise<number> {
  const { rows } = await reader.query<{ count: number }>(
    `WITH floods AS (
       SELECT id::text AS id, detail_of(canonical) ->> 'settles' AS settles FROM entries
       WHERE type = 'request.flood' AND peer = $1 AND instance = $2 AND boot_id = $3 AND seq BETWEEN $4 AND $5)
     SELECT count(*) AS count FROM floods WHERE settles IS NULL
       AND id NOT IN (SELECT settles FROM floods WHERE settles IS NOT NULL)`,
    [peer, instance, bootId, started, ended],
  );
  return rows[0]?.count ?? 0;
}

interface Intent {
  readonly id: string;
  readonly actor: typeof ANONYMOUS;
  /** As its gateway posted it. */
  readonly detail: { readonly audit_id?: unknown } | null | undefined;
  readonly trace: { readonly trace_id: string; readonly span_id: string } | null;
}

/** Undefined for what the writer's login appended and is no event: the watch tells of it. */
function readIntent(canonical: string): Intent | undefined {
  try {
    const event: unknown = JSON.parse(canonical);
    return isStamped(event) ? (event as Intent) : undefined;
  } catch {
    return undefined;
  }
}

/** What became of the mutation cannot be known: its gateway ended between intent and outcome. */
async function recordUnknown(sink: AuditSink, peer: string, canonical: string): Promise<void> {
  const intent = readIntent(canonical);
  if (intent === undefined) return;
  await sink.record({
    ...auditEvent('request.unknown', { peer, intent_id: intent.id, audit_id: intent.detail?.audit_id }),
    outcome: 'FAILED',
    actor: intent.actor,
    trace: intent.trace,
  });
}
