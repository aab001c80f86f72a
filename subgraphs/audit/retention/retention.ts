import { auditEvent } from '@aduana/client/audit/event-catalogue';
import { ANONYMOUS } from '@aduana/client/audit/audit-event';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import type { Clock } from '@aduana/core/platform/clock';
import type { Log } from '@aduana/core/platform/log';
import type { Database } from '@aduana/server-kit/store/database';
import { TamperedError } from '../checkpoints/tampered-error.ts';
import { TileAccumulator } from '../checkpoints/tile-accumulator.ts';
import type { TreeReader } from '../checkpoints/tree-reader.ts';
import { verifyKept } from '../checkpoints/verify-kept.ts';
import { PARTITION_ENTRIES } from '../log/schema.ts';
import type { SinkState } from '../shippers/sink-state.ts';
import type { MinimumIndex } from '../checkpoints/minimum-index.ts';

export interface RetentionOptions {
  readonly reader: Database;
  readonly writer: Database;
  readonly tree: TreeReader;
  readonly minimumIndex: MinimumIndex;
  /** How long entries are kept at least. */
  readonly keepMilliseconds: number;
  readonly sinks: (size: number) => Promise<readonly SinkState[]>;
  /** Where a drop is announced before it happens. */
  readonly audit: AuditSink;
  /** Who announces it, such as `audit@1`. */
  readonly instance: string;
  /** Signs what is new at once. */
  readonly advance: () => Promise<void>;
  readonly signedSize: () => Promise<number>;
  readonly onTampered: (reason: string) => void;
  readonly clock: Clock;
  readonly log: Log;
}

const ENTRIES_AT_ONCE = 500;
const SIGNING_ATTEMPTS = 20;
const SIGNING_PAUSE_MS = 250;

/**
 * Drops entries that are old enough, a partition at a time: each is verified once more, announced by an event in the log
 * and by a signed minimum index, and then gone but for its leaf hashes. What a receiver has not taken yet stays.
 */
export class Retention {
  readonly #options: RetentionOptions;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  /** Drops whatever may go by now; at most up to `signal`. */
  async run(signal?: AbortSignal): Promise<void> {
    const { minimumIndex, log, onTampered } = this.#options;
    try {
      for (;;) {
        const published = await minimumIndex.verified();
        await this.#dropBelow(published);
        const upper = published + PARTITION_ENTRIES;
        if (signal?.aborted === true || !(await this.#mayGo(published, upper))) return;
        await this.#announce(upper);
        log.info('entries of the log end their retention', { from: published, below: upper });
      }
    } catch (error) {
      if (!(error instanceof TamperedError)) throw error;
      onTampered(error.message);
    }
  }

  async #dropBelow(minimumIndex: number): Promise<void> {
    const { writer, reader } = this.#options;
    const { rows } = await reader.query<{ seq: number | null }>('SELECT min(seq) AS seq FROM entries');
    const oldest = rows[0]?.seq ?? minimumIndex;
    for (
      let partition = Math.floor(oldest / PARTITION_ENTRIES);
      partition < minimumIndex / PARTITION_ENTRIES;
      partition += 1
    )
      await writer.query('SELECT drop_entries($1)', [partition]);
  }

  /** Whether all entries of a partition are signed, old enough, and with every receiver. */
  async #mayGo(lower: number, upper: number): Promise<boolean> {
    const { reader, clock, log, keepMilliseconds, sinks } = this.#options;
    const before = clock.now() - keepMilliseconds;
    const { rows } = await reader.query<{ signed_at: Date }>(
      'SELECT signed_at FROM checkpoints WHERE size >= $1 ORDER BY size, number LIMIT 1',
      [upper],
    );
    const signedAt = rows[0]?.signed_at.getTime();
    if (signedAt === undefined || signedAt > before) return false;
    const behind = (await sinks(upper)).find(({ cursor }) => cursor < upper);
    if (behind !== undefined) {
      log.warn('old entries stay until a sink has taken them', { sink: behind.name, cursor: behind.cursor });
      return false;
    }
    // the time of a checkpoint is a column like others: the entries' own texts must agree with it
    return (await this.#newestTime(lower, upper)) <= before;
  }

  /**
   * Verifies entries for the last time.
   *
   * @returns the time of the newest one, so that old ones that somebody adds change nothing. Times after now count for nothing: a
   * source whose clock is wrong keeps no entries for ever. `Infinity` where another replica has let them go meanwhile.
   * @throws TamperedError
   */
  async #newestTime(lower: number, upper: number): Promise<number> {
    const { reader, tree, clock, minimumIndex } = this.#options;
    const now = clock.now();
    let newest = -Infinity;
    const verified = await TileAccumulator.at(tree, lower);
    while (verified.size < upper) {
      const began = clock.monotonic();
      const to = Math.min(verified.size + ENTRIES_AT_ONCE, upper);
      const note = ({ time }: { readonly time: string }): void => {
        const at = Date.parse(time);
        if (at <= now) newest = Math.max(newest, at);
      };
      if (!(await verifyKept(reader, verified, to, note, minimumIndex))) return Infinity;
      await clock.sleep(clock.monotonic() - began);
    }
    return newest;
  }

  /** An event in the log first, then the signed minimum index: what goes is never gone without both. */
  async #announce(upper: number): Promise<void> {
    const { audit, instance, minimumIndex } = this.#options;
    const id = await audit.record({
      ...auditEvent('audit.retention', { minimum_index: upper, count: PARTITION_ENTRIES }),
      outcome: 'ALLOWED',
      actor: { ...ANONYMOUS, sub: instance, client_id: 'audit' },
    });
    await this.#untilSigned(id);
    await minimumIndex.publish(upper);
  }

  async #untilSigned(id: string): Promise<void> {
    const { reader, clock, advance, signedSize } = this.#options;
    for (let attempt = 0; attempt < SIGNING_ATTEMPTS; attempt += 1) {
      await advance();
      const { rows } = await reader.query<{ seq: number }>(
        `SELECT seq FROM event_ids WHERE id = $1 AND peer = 'audit'`,
        [id],
      );
      if ((rows[0]?.seq ?? Infinity) < (await signedSize())) return;
      await clock.sleep(SIGNING_PAUSE_MS);
    }
    throw new Error('the event that announces a retention is not signed yet');
  }
}
