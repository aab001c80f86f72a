import { type Clock, epochSeconds } from '@aduana/core/platform/clock';
import { every } from '@aduana/core/platform/every';
import { jitter } from '@aduana/core/platform/ids';
import { describeError, type Log } from '@aduana/core/platform/log';
import { createMutex } from '@aduana/core/platform/mutex';
import { LONGEST_SUBJECT_LIFE_SECONDS } from '@aduana/core/status/status-entry';
import type { ReportedSeals } from '@aduana/server-kit/seals/row-seals';
import type { Database, Queryable } from '@aduana/server-kit/store/database';
import {
  CERTIFICATES,
  OUTBOX,
  type OutboxRow,
  ownRow,
  ownRows,
  type Sealed,
  type SealedTable,
  sealOf,
  SERVICE_STATES,
  SUBJECTS,
} from './sealed-rows.ts';

/** A statement for the status feed of the STS, which takes each id once. */
export type FeedEntry = { readonly id: string } & (
  | { readonly kind: 'service_suspended' | 'service_restored'; readonly service: string }
  | { readonly kind: 'certificate_revoked'; readonly thumbprint: string }
  | {
      readonly kind: 'subject_revoked';
      readonly issuer: string;
      readonly subject: string;
      /** Seconds since the epoch. */
      readonly notAfter: number;
    }
  | { readonly kind: 'policies_changed'; readonly sha256: string }
);

/** Carries what was decided here to the status feed: stored with the decision, sent until the STS has taken it. */
export interface StatusOutbox {
  /** Adds to what must be sent; call it in the transaction of the decision, under the lock `OUTBOX_LOCK`. */
  add(transaction: Queryable, entry: FeedEntry): Promise<void>;
  /** Sends what waits, in order; false when some of it is still waiting. */
  deliver(): Promise<boolean>;
  /** Sends soon, without waiting for it. */
  wake(): void;
  /** `ok`, or that something waits. */
  readonly state: string;
  stop(): Promise<void>;
}

export interface StatusOutboxOptions {
  readonly database: Database;
  /** One bounded attempt at `POST /sts/status`; throws when the STS has not taken all of it. */
  readonly post: (entries: readonly FeedEntry[]) => Promise<void>;
  readonly seals: ReportedSeals;
  readonly clock: Clock;
  readonly log: Log;
}

/** Held by whoever adds, so that entries become visible in the order of their numbers. */
export const OUTBOX_LOCK = 'status-outbox';

const BATCH = 200;
/** From the sequence: a sequence that was set back is still behind all that waits, and no number is too large for a column. */
const FARTHEST = 1_000_000_000;
/** Of forged rows: a million of them is found, and not kept in memory. */
const MOST_FORGED = 200;
const RETRY_MS = 1_000;
const QUIET_MS = 5_000;

export function createStatusOutbox({ database, post, seals, clock, log }: StatusOutboxOptions): StatusOutbox {
  const oneAtATime = createMutex();
  let state = 'ok';
  let failingSince: number | undefined;

  const deliver = (): Promise<boolean> =>
    oneAtATime(async () => {
      try {
        await deliverAll({ database, post, seals });
        state = 'ok';
        failingSince = undefined;
        return true;
      } catch (error) {
        failingSince ??= clock.monotonic();
        const level = clock.monotonic() - failingSince > QUIET_MS ? 'warn' : 'debug'; // services start in any order
        log[level]('the status feed does not take what was decided', { error: describeError(error) });
        state = 'what was decided waits for the status feed';
        return false;
      }
    });
  const retrying = every(
    clock,
    () => RETRY_MS * jitter(0.2),
    async () => {
      await deliver();
    },
    () => undefined,
  );
  retrying.wake();

  return {
    async add(transaction, entry) {
      // After all that is there: the sequence is the database's. What is far beyond it, or has the id or the number, is not
      // this service's.
      const { rows } = await transaction.query<{ seq: string | number }>(
        `SELECT greatest(next, (SELECT coalesce(max(seq), 0) + 1 FROM outbox WHERE seq < next + ${String(FARTHEST)})) AS seq
         FROM nextval('outbox_seq_seq') AS next`,
      );
      const row = { seq: Number(rows[0]?.seq), event_id: entry.id, entry: JSON.stringify(entry) };
      await transaction.query('DELETE FROM outbox WHERE event_id = $1 OR seq = $2', [entry.id, row.seq]);
      await transaction.query('INSERT INTO outbox (seq, event_id, entry, seal) VALUES ($1, $2, $3, $4)', [
        row.seq,
        row.event_id,
        row.entry,
        sealOf(OUTBOX, row, seals),
      ]);
    },
    deliver,
    wake() {
      retrying.wake();
    },
    get state() {
      return state;
    },
    stop: () => retrying.stop(),
  };
}

/** What this service did not write is reported, left where it is, and not sent. */
async function deliverAll({
  database,
  post,
  seals,
}: Pick<StatusOutboxOptions, 'database' | 'post' | 'seals'>): Promise<void> {
  const forged: Sealed<OutboxRow>[] = [];
  let rows = await readOutbox(database, '0');
  while (rows.length > 0) {
    const own = rows.filter((row) => ownRow(OUTBOX, row, seals) !== undefined);
    if (forged.length < MOST_FORGED) forged.push(...rows.filter((row) => !own.includes(row)));
    if (own.length > 0) {
      // Two replicas may send the same entries: the STS takes each id once, in the order in which it first sees it.
      await post(own.map(({ entry }) => JSON.parse(entry) as FeedEntry));
      await database.query('DELETE FROM outbox WHERE seq = ANY($1::bigint[])', [own.map(({ seq }) => seq)]);
    }
    rows = await readOutbox(database, rows.at(-1)?.place ?? '0');
  }
  ownRows(OUTBOX, forged, seals);
}

async function readOutbox(
  database: Queryable,
  after: string,
): Promise<readonly (Sealed<OutboxRow> & { readonly place: string })[]> {
  const { rows } = await database.query<Sealed<OutboxRow> & { readonly place: string }>(
    // the place as a text: of a number that is too large to be exact, one would never come to the end
    'SELECT seq, seq::text AS place, event_id, entry, seal FROM outbox WHERE seq > $1 ORDER BY seq LIMIT $2',
    [after, BATCH],
  );
  return rows;
}

/** Sends again what is in force, for an STS whose feed was restored from an older copy; known ids change nothing. */
export async function restate(
  database: Database,
  outbox: StatusOutbox,
  seals: ReportedSeals,
  clock: Clock,
): Promise<void> {
  await database.exclusively(OUTBOX_LOCK, async (transaction) => {
    const all = async <Row>(table: SealedTable<Row>): Promise<readonly Row[]> =>
      ownRows(table, (await transaction.query<Sealed<Row>>(`SELECT * FROM ${table.name}`)).rows, seals);
    const waiting = new Set((await all(OUTBOX)).map((row) => row.event_id));
    const add = async (entry: FeedEntry): Promise<void> => {
      if (!waiting.has(entry.id)) await outbox.add(transaction, entry);
    };
    for (const { service, suspended, event_id: id } of await all(SERVICE_STATES))
      await add({ id, kind: suspended ? 'service_suspended' : 'service_restored', service });
    for (const { thumbprint, event_id: id } of await all(CERTIFICATES))
      await add({ id, kind: 'certificate_revoked', thumbprint });
    const oldest = epochSeconds(clock) - LONGEST_SUBJECT_LIFE_SECONDS;
    for (const { issuer, subject, not_after: notAfter, event_id: id } of await all(SUBJECTS))
      if (Number(notAfter) >= oldest)
        await add({ id, kind: 'subject_revoked', issuer, subject, notAfter: Number(notAfter) });
  });
}
