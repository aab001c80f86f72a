import { constantTimeEqual, hmacSha256 } from '@aduana/core/platform/digest';
import type { ForgedRows } from './forged-rows.ts';
import type { LatestVersions } from './latest-versions.ts';

/** What a seal covers beside its table: every column, in an order that never changes. */
export type SealedColumns = readonly (string | number | null)[];

/** Seals rows, so that none is believed that the service did not write itself: no login of the database holds the key. */
export interface Seals {
  /** HMAC-SHA256 (RFC 2104) over table and columns, in base64url. */
  seal(table: string, columns: SealedColumns): string;
  holds(table: string, columns: SealedColumns, seal: string | null): boolean;
}

/** With the report of what does not hold. */
export interface ReportedSeals extends Seals {
  readonly forged: ForgedRows;
}

/** With what is known of the newest rows, so that older ones are not believed either. */
export interface RowSeals extends ReportedSeals {
  readonly latest: LatestVersions;
}

const FORMAT = 'aduana row 1';

export function createSeals(key: Uint8Array): Seals {
  const seal = (table: string, columns: SealedColumns): string =>
    hmacSha256(key, JSON.stringify([FORMAT, table, ...columns])).toString('base64url');
  return {
    seal,
    holds: (table, columns, shown) => shown !== null && constantTimeEqual(seal(table, columns), shown),
  };
}

export function createRowSeals(key: Uint8Array, latest: LatestVersions, forged: ForgedRows): RowSeals {
  return { latest, forged, ...createSeals(key) };
}
