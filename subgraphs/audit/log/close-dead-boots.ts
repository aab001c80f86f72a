import { ANONYMOUS } from '@aduana/core/audit/audit-event';
import type { AuditSink } from '@aduana/core/audit/audit-sink';
import type { Database } from '@aduana/core/store/database';

export interface DeadBootOptions {
  readonly reader: Database;
  readonly sink: AuditSink;
}

/** A boot of an instance of which another boot has begun since: an instance has one at a time. */
interface DeadBoot {
  readonly peer: string;
  readonly instance: string;
  readonly boot_id: string;
  readonly started: number;
}

const MAX_OPEN_INTENTS = 1000;

/**
 * Records `source.lost` for each boot that is dead, never stopped and not told of yet, and `request.unknown` for its open
 * intents. Of whatever source: the log itself may have died while it closed one.
 *
 * @throws AggregateError where some could not be closed
 */
export async function closeDeadBoots({ reader, sink }: DeadBootOptions): Promise<void> {
  const { rows } = await reader.query<DeadBoot>(
    `WITH boots AS MATERIALIZED (SELECT peer, instance, boot_id, seq AS started,
         row_number() OVER (PARTITION BY peer, instance ORDER BY seq DESC) AS age
       FROM entries WHERE type = 'source.start')
     SELECT peer, instance, boot_id, started FROM boots s WHERE age > 1
       AND NOT EXISTS (SELECT 1 FROM entries e WHERE e.type = 'source.stop' AND e.peer = s.peer AND e.boot_id = s.boot_id)
       AND NOT EXISTS (SELECT 1 FROM entries e WHERE e.type = 'source.lost' AND e.canonical::json -> 'detail' ->> 'boot_id' = s.boot_id)
     ORDER BY started`,
  );
  const failures: unknown[] = [];
  for (const boot of rows)
    await closeBoot(reader, sink, boot).catch((error: unknown) => {
      failures.push(error);
    });
  if (failures.length > 0) throw new AggregateError(failures, 'some dead boots could not be closed');
}

async function closeBoot(
  reader: Database,
  sink: AuditSink,
  { peer, instance, boot_id: bootId, started }: DeadBoot,
): Promise<void> {
  const open = await openIntents(reader, peer, bootId, started);
  for (const { canonical } of open) await recordUnknown(sink, peer, canonical);
  const { rows: last } = await reader.query<{ n: number }>(
    'SELECT n FROM entries WHERE peer = $1 AND boot_id = $2 AND seq >= $3 ORDER BY seq DESC LIMIT 1',
    [peer, bootId, started],
  );
  await sink.record({
    type: 'source.lost',
    class_uid: 6002,
    outcome: 'FAILED',
    actor: { ...ANONYMOUS, sub: instance, client_id: peer },
    detail: {
      peer,
      instance,
      boot_id: bootId,
      last_n: last[0]?.n ?? null,
      open_intents: open.length,
      unsettled_floods: await countUnsettledFloods(reader, peer, bootId, started),
    },
  });
}

async function openIntents(
  reader: Database,
  peer: string,
  bootId: string,
  started: number,
): Promise<readonly { readonly canonical: string }[]> {
  const { rows } = await reader.query<{ canonical: string }>(
    `SELECT i.canonical FROM entries i
     WHERE i.type = 'request.intent' AND i.peer = $1 AND i.boot_id = $2 AND i.seq >= $3
       AND NOT EXISTS (SELECT 1 FROM event_ids o WHERE o.peer = $1
         AND o.id = (i.canonical::json -> 'detail' ->> 'audit_id')::uuid)
     ORDER BY i.seq LIMIT ${String(MAX_OPEN_INTENTS)}`,
    [peer, bootId, started],
  );
  return rows;
}

/** Floods of anonymous refusals whose count ended with the boot: at least what their first event tells were refused. */
async function countUnsettledFloods(
  reader: Database,
  peer: string,
  bootId: string,
  started: number,
): Promise<number> {
  const { rows } = await reader.query<{ count: number }>(
    `WITH floods AS (
       SELECT id::text AS id, canonical::json -> 'detail' ->> 'settles' AS settles FROM entries
       WHERE type = 'request.flood' AND peer = $1 AND boot_id = $2 AND seq >= $3)
     SELECT count(*) AS count FROM floods WHERE settles IS NULL
       AND id NOT IN (SELECT settles FROM floods WHERE settles IS NOT NULL)`,
    [peer, bootId, started],
  );
  return rows[0]?.count ?? 0;
}

/** What became of the mutation cannot be known: its gateway died between intent and outcome. */
async function recordUnknown(sink: AuditSink, peer: string, canonical: string): Promise<void> {
  const intent = JSON.parse(canonical) as {
    id: string;
    actor: typeof ANONYMOUS;
    detail: { audit_id: string };
    trace: { trace_id: string; span_id: string } | null;
  };
  await sink.record({
    type: 'request.unknown',
    class_uid: 6003,
    outcome: 'FAILED',
    actor: intent.actor,
    trace: intent.trace,
    detail: { peer, intent_id: intent.id, audit_id: intent.detail.audit_id },
  });
}
