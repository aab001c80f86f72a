import type { Queryable } from '@aduana/server-kit/store/database';
import type { ForgedRow } from '@aduana/server-kit/seals/forged-rows';
import type { RowSeals, SealedColumns } from '@aduana/server-kit/seals/row-seals';
import type { SecretHash } from './secret-hash.ts';

/** One version of a client secret, as stored; `acceptedUntil` is set once a newer one has taken its place. */
export interface StoredSecret extends SecretHash {
  readonly service: string;
  readonly version: number;
  /** Milliseconds since the epoch. */
  readonly acceptedUntil: number | undefined;
  readonly createdAt: number;
}

interface SecretRow extends SecretHash {
  readonly service: string;
  readonly version: number;
  readonly accepted_until: string | number | null;
  readonly created_at: string | number;
  readonly seal: string | null;
}

const TABLE = 'client_secrets';
/** The name under which the latest version of a service's secret is remembered. */
const setOf = (service: string): string => `client-secrets/${service}`;

/**
 * Reads the versions that the STS wrote itself and that belong together: the current one of a service and those before
 * it. Any other row is reported and left out, one that was current once and was put back included.
 *
 * @returns of each service the newest first
 */
export async function readSecrets(database: Queryable, seals: RowSeals): Promise<readonly StoredSecret[]> {
  const latest = seals.latest.known();
  const known: StoredSecret[] = [];
  const forged: ForgedRow[] = [];
  for (const [service, rows] of await readRows(database)) {
    const set = setOf(service);
    const current = rows.find(
      (row) =>
        row.acceptedUntil === undefined &&
        row.version >= (latest.get(set) ?? 0) &&
        seals.holds(TABLE, columnsOf(row, row.version), row.seal),
    );
    for (const { seal, ...row } of rows) {
      if (current !== undefined && seals.holds(TABLE, columnsOf(row, current.version), seal)) known.push(row);
      else
        forged.push({ table: TABLE, row: `${service} ${String(row.version)}`, problem: problemOf(current) });
    }
    if (current !== undefined) seals.latest.note(set, current.version);
  }
  seals.forged.found(TABLE, forged);
  return known;
}

/** Makes `next` the current version and keeps the one before it, if any; whatever else is stored for the service goes. */
export async function writeSecrets(
  transaction: Queryable,
  next: StoredSecret,
  previous: StoredSecret | undefined,
  seals: RowSeals,
): Promise<void> {
  await transaction.query('DELETE FROM client_secrets WHERE service = $1', [next.service]);
  await transaction.query('DELETE FROM secret_collections WHERE service = $1 AND version <> $2', [
    next.service,
    previous?.version ?? 0,
  ]);
  for (const one of previous === undefined ? [next] : [previous, next])
    await transaction.query(
      `INSERT INTO client_secrets (service, version, salt, hash, accepted_until, created_at, seal)
       VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      [
        one.service,
        one.version,
        one.salt,
        one.hash,
        one.acceptedUntil ?? null,
        one.createdAt,
        seals.seal(TABLE, columnsOf(one, next.version)),
      ],
    );
}

/** The version after every one that was ever seen of a service's secret. */
export function nextVersion(service: string, seals: RowSeals): number {
  return (seals.latest.known().get(setOf(service)) ?? 0) + 1;
}

/**
 * Seals the rows of a release without seals.
 *
 * @returns how many
 */
export async function sealOlderSecrets(transaction: Queryable, seals: RowSeals): Promise<number> {
  let count = 0;
  for (const [service, rows] of await readRows(transaction)) {
    const newest = rows[0]?.version ?? 0;
    for (const row of rows) {
      await transaction.query('UPDATE client_secrets SET seal = $3 WHERE service = $1 AND version = $2', [
        service,
        row.version,
        seals.seal(TABLE, columnsOf(row, newest)),
      ]);
      count += 1;
    }
    seals.latest.note(setOf(service), newest);
  }
  return count;
}

type SealedSecret = StoredSecret & { readonly seal: string | null };

/** All rows by service, newest first, whoever wrote them. */
async function readRows(database: Queryable): Promise<ReadonlyMap<string, readonly SealedSecret[]>> {
  const { rows } = await database.query<SecretRow>(
    `SELECT service, version, salt, hash, accepted_until, created_at, seal FROM client_secrets
       ORDER BY service, version DESC`,
  );
  const byService = new Map<string, SealedSecret[]>();
  for (const { accepted_until: until, created_at: createdAt, ...row } of rows) {
    const secret = {
      ...row,
      acceptedUntil: until === null ? undefined : Number(until),
      createdAt: Number(createdAt),
    };
    byService.set(row.service, [...(byService.get(row.service) ?? []), secret]);
  }
  return byService;
}

/** What a seal covers: the place (service, version, the current version) and all that is believed of a secret. */
function columnsOf(secret: StoredSecret, currentVersion: number): SealedColumns {
  const { service, version, salt, hash, acceptedUntil, createdAt } = secret;
  return [service, version, salt, hash, acceptedUntil ?? null, createdAt, currentVersion];
}

function problemOf(current: StoredSecret | undefined): string {
  return current === undefined
    ? 'no row of this service is sealed as the latest version that was seen'
    : `its seal is none beside version ${String(current.version)}`;
}
