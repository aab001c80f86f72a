import type { Clock } from '@aduana/core/platform/clock';
import { every } from '@aduana/core/platform/every';
import { jitter } from '@aduana/core/platform/ids';
import { describeError, type Log } from '@aduana/core/platform/log';
import { createMutex } from '@aduana/core/platform/mutex';
import type { Database, Queryable } from '@aduana/core/store/database';

/** A statement for the status feed of the STS, which takes each id once. */
export type FeedEntry = { readonly id: string } & (
  | { readonly kind: 'service_suspended' | 'service_restored'; readonly service: string }
  | { readonly kind: 'certificate_revoked'; readonly thumbprint: string }
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
  readonly clock: Clock;
  readonly log: Log;
}

/** Held by whoever adds, so that entries become visible in the order of their numbers. */
export const OUTBOX_LOCK = 'status-outbox';

const BATCH = 200;
const RETRY_MS = 1_000;
const QUIET_MS = 5_000;

export function createStatusOutbox({ database, post, clock, log }: StatusOutboxOptions): StatusOutbox {
  const oneAtATime = createMutex();
  let state = 'ok';
  let failingSince: number | undefined;

  async function deliverAll(): Promise<boolean> {
    for (;;) {
      const { rows } = await database.query<{ seq: number; entry: string }>(
        'SELECT seq, entry FROM outbox ORDER BY seq LIMIT $1',
        [BATCH],
      );
      const last = rows.at(-1);
      if (last === undefined) return true;
      // Two replicas may send the same entries: the STS takes each id once, in the order in which it first sees it.
      await post(rows.map(({ entry }) => JSON.parse(entry) as FeedEntry));
      await database.query('DELETE FROM outbox WHERE seq <= $1', [last.seq]);
    }
  }

  const deliver = (): Promise<boolean> =>
    oneAtATime(async () => {
      try {
        await deliverAll();
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
      await transaction.query('INSERT INTO outbox (event_id, entry) VALUES ($1, $2)', [
        entry.id,
        JSON.stringify(entry),
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

/** Sends again what is in force, for an STS whose feed was restored from an older copy; known ids change nothing. */
export async function restate(database: Database, outbox: StatusOutbox): Promise<void> {
  await database.exclusively(OUTBOX_LOCK, async (transaction) => {
    const services = await transaction.query<{ service: string; suspended: boolean; event_id: string }>(
      'SELECT service, suspended, event_id FROM service_states s WHERE NOT EXISTS (SELECT 1 FROM outbox o WHERE o.event_id = s.event_id)',
    );
    const certificates = await transaction.query<{ thumbprint: string; event_id: string }>(
      'SELECT thumbprint, event_id FROM certificate_revocations c WHERE NOT EXISTS (SELECT 1 FROM outbox o WHERE o.event_id = c.event_id)',
    );
    for (const { service, suspended, event_id: id } of services.rows)
      await outbox.add(transaction, {
        id,
        kind: suspended ? 'service_suspended' : 'service_restored',
        service,
      });
    for (const { thumbprint, event_id: id } of certificates.rows)
      await outbox.add(transaction, { id, kind: 'certificate_revoked', thumbprint });
  });
}
