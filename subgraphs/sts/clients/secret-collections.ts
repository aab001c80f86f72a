import type { StatusView } from '@aduana/core/status/status-entry';
import type { RowSeals } from '@aduana/server-kit/seals/row-seals';
import type { Queryable } from '@aduana/server-kit/store/database';

/** A version of a client secret that was given to whoever held this certificate's key. */
export interface SecretCollection {
  readonly service: string;
  readonly version: number;
  readonly thumbprint: string;
}

const TABLE = 'secret_collections';

/** Written before the secret leaves. */
export async function noteCollection(
  database: Queryable,
  { service, version, thumbprint }: SecretCollection,
  seals: RowSeals,
): Promise<void> {
  await database.query(
    `INSERT INTO secret_collections (service, version, thumbprint, seal) VALUES ($1, $2, $3, $4)
     ON CONFLICT (service, version, thumbprint) DO UPDATE SET seal = excluded.seal`,
    [service, version, thumbprint, seals.seal(TABLE, [service, version, thumbprint])],
  );
}

/** Those that the STS noted itself; others are reported. */
export async function readCollections(
  database: Queryable,
  seals: RowSeals,
): Promise<readonly SecretCollection[]> {
  const { rows } = await database.query<SecretCollection & { readonly seal: string | null }>(
    'SELECT service, version, thumbprint, seal FROM secret_collections',
  );
  const own = rows.filter(({ service, version, thumbprint, seal }) =>
    seals.holds(TABLE, [service, version, thumbprint], seal),
  );
  seals.forged.found(
    TABLE,
    rows
      .filter((row) => !own.includes(row))
      .map(({ service, version, thumbprint }) => ({
        table: TABLE,
        row: `${service} ${String(version)} ${thumbprint}`,
        problem: 'its seal does not hold',
      })),
  );
  return own;
}

/** Whether somebody has this version who may not have been the service: its certificate was revoked since. */
export function isExposed(
  { service, version }: Pick<SecretCollection, 'service' | 'version'>,
  collections: readonly SecretCollection[],
  status: Pick<StatusView, 'isCertificateRevoked'>,
): boolean {
  return collections.some(
    (one) =>
      one.service === service && one.version === version && status.isCertificateRevoked(one.thumbprint),
  );
}
