import { openMinimumIndex, signMinimumIndex } from '@aduana/server-kit/audit/minimum-index';
import type { Clock } from '@aduana/core/platform/clock';
import type { Database } from '@aduana/server-kit/store/database';
import type { CheckpointSigners } from './checkpoint-key.ts';
import { TamperedError } from './tampered-error.ts';

/** Below this index entries may be gone (c2sp.org/tlog-tiles, Pruning); what is not signed by the log counts for nothing. */
export interface MinimumIndex {
  /** 0 while nothing may be gone. */
  current(): Promise<number>;
  /** @throws TamperedError when the database holds a minimum index that the log has not signed */
  verified(): Promise<number>;
  /** The signed note; undefined while nothing may be gone. */
  note(): Promise<string | undefined>;
  /** Signs and keeps a higher one. */
  publish(minimumIndex: number): Promise<void>;
  /** Signs the present one anew where the newest key has not: an older key may be taken away soon. */
  renew(): Promise<void>;
}

export interface MinimumIndexOptions {
  readonly reader: Database;
  readonly writer: Database;
  /** The newest key first. */
  readonly signers: () => CheckpointSigners;
  readonly clock: Clock;
}

interface Signed {
  readonly minimumIndex: number;
  readonly note: string;
}

export function createMinimumIndex({ reader, writer, signers, clock }: MinimumIndexOptions): MinimumIndex {
  /** Undefined where there is none; `false` where it is nothing that the log has signed. */
  async function newest(): Promise<Signed | undefined | false> {
    const { rows } = await reader.query<{ note: string }>(
      'SELECT note FROM minimum_indexes ORDER BY number DESC LIMIT 1',
    );
    const [row] = rows;
    if (row === undefined) return undefined;
    const vkeys = signers().map(({ vkey }) => vkey);
    const minimumIndex = openMinimumIndex(row.note, vkeys);
    return minimumIndex === undefined ? false : { minimumIndex, note: row.note };
  }

  async function current(): Promise<Signed | undefined> {
    const signed = await newest();
    return signed === false ? undefined : signed;
  }

  async function publish(minimumIndex: number): Promise<void> {
    await writer.query(
      `INSERT INTO minimum_indexes (minimum_index, note, signed_at)
       SELECT $1::bigint, $2, $3 WHERE NOT EXISTS (SELECT FROM minimum_indexes WHERE minimum_index > $1::bigint)`,
      [
        minimumIndex,
        signMinimumIndex(signers()[0].name, minimumIndex, signers()),
        new Date(clock.now()).toISOString(),
      ],
    );
  }

  return {
    current: async () => (await current())?.minimumIndex ?? 0,
    note: async () => (await current())?.note,
    publish,
    async verified() {
      const signed = await newest();
      if (signed === false)
        throw new TamperedError('the log has not signed the minimum index that it states');
      return signed?.minimumIndex ?? 0;
    },
    async renew() {
      const signed = await current();
      if (signed === undefined) return;
      if (openMinimumIndex(signed.note, [signers()[0].vkey]) === undefined)
        await publish(signed.minimumIndex);
    },
  };
}
