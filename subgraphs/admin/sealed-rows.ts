import type { ReportedSeals, SealedColumns } from '@aduana/server-kit/seals/row-seals';

type Count = string | number;

export interface ServiceStateRow {
  readonly service: string;
  readonly suspended: boolean;
  readonly event_id: string;
  readonly reason: string;
  readonly actor: string;
  readonly at: Count;
}

export interface CertificateRow {
  readonly thumbprint: string;
  readonly event_id: string;
  readonly reason: string;
  readonly actor: string;
  readonly at: Count;
}

export interface SubjectRow {
  readonly issuer: string;
  readonly subject: string;
  readonly not_after: Count;
  readonly event_id: string;
  readonly reason: string;
  readonly actor: string;
  readonly at: Count;
}

export interface OutboxRow {
  readonly seq: Count;
  readonly event_id: string;
  readonly entry: string;
}

export type Sealed<Row> = Row & { readonly seal: string | null };

/** A table whose rows are believed only under a seal, which covers every column. */
export interface SealedTable<Row> {
  readonly name: string;
  columnsOf(row: Row): SealedColumns;
  /** Which row, for the report. */
  placeOf(row: Row): string;
}

export const SERVICE_STATES: SealedTable<ServiceStateRow> = {
  name: 'service_states',
  columnsOf: (row) => [
    row.service,
    Number(row.suspended),
    row.event_id,
    row.reason,
    row.actor,
    Number(row.at),
  ],
  placeOf: ({ service }) => service,
};

export const CERTIFICATES: SealedTable<CertificateRow> = {
  name: 'certificate_revocations',
  columnsOf: (row) => [row.thumbprint, row.event_id, row.reason, row.actor, Number(row.at)],
  placeOf: ({ thumbprint }) => thumbprint,
};

export const SUBJECTS: SealedTable<SubjectRow> = {
  name: 'subject_revocations',
  columnsOf: (row) => [
    row.issuer,
    row.subject,
    Number(row.not_after),
    row.event_id,
    row.reason,
    row.actor,
    Number(row.at),
  ],
  placeOf: ({ issuer, subject }) => `${issuer} ${subject}`,
};

export const OUTBOX: SealedTable<OutboxRow> = {
  name: 'outbox',
  columnsOf: (row) => [Number(row.seq), row.event_id, row.entry],
  placeOf: (row) => `${String(row.seq)} ${row.event_id}`,
};

export function sealOf<Row>(table: SealedTable<Row>, row: Row, seals: ReportedSeals): string {
  return seals.seal(table.name, table.columnsOf(row));
}

/** The row, if this service wrote it: any other one is as none. */
export function ownRow<Row>(
  table: SealedTable<Row>,
  row: Sealed<Row> | undefined,
  seals: ReportedSeals,
): Row | undefined {
  return row !== undefined && seals.holds(table.name, table.columnsOf(row), row.seal) ? row : undefined;
}

/** Those of all rows of a table that this service wrote; the others are reported. */
export function ownRows<Row>(
  table: SealedTable<Row>,
  rows: readonly Sealed<Row>[],
  seals: ReportedSeals,
): readonly Row[] {
  const own: Row[] = [];
  const forged = [];
  for (const row of rows)
    if (ownRow(table, row, seals) !== undefined) own.push(row);
    else forged.push({ table: table.name, row: table.placeOf(row), problem: 'its seal does not hold' });
  seals.forged.found(table.name, forged);
  return own;
}
