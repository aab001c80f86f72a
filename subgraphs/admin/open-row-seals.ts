import type { ServicePlatform } from '@aduana/server-kit/http/service-platform';
import { createForgedRows } from '@aduana/server-kit/seals/forged-rows';
import { createSeals, type ReportedSeals } from '@aduana/server-kit/seals/row-seals';
import { ensureSecret } from '@aduana/server-kit/secrets/ensure-secret';
import { type SharedSecretsOptions, shareSecrets } from '@aduana/server-kit/secrets/shared-secrets';
import type { Database, Queryable } from '@aduana/server-kit/store/database';
import {
  CERTIFICATES,
  type CertificateRow,
  OUTBOX,
  type OutboxRow,
  type Sealed,
  type SealedTable,
  sealOf,
  SERVICE_STATES,
  type ServiceStateRow,
  SUBJECTS,
  type SubjectRow,
} from './sealed-rows.ts';

const KEY = 'admin/row-seal-key';
/** Its presence says that rows without a seal are forged. */
const SEALED = 'admin/sealed-rows';
const LOCK = 'row-seals';

export interface OpenRowSeals {
  readonly seals: ReportedSeals;
  /** Ends the sharing of the key with other replicas. */
  stop(): Promise<void>;
}

/**
 * Opens the seals with their key of the secret provider. Rows of a release without seals are sealed once, and that is
 * noted in the provider: whoever may only write to the database cannot have it done again.
 *
 * @throws ConfigurationError where this home does not have the key that the rows are sealed under
 */
export async function openRowSeals(
  database: Database,
  { secrets, clock, log }: Pick<ServicePlatform, 'secrets' | 'clock' | 'log'>,
): Promise<OpenRowSeals> {
  const stop = await shareSecrets({
    database,
    secrets,
    clock,
    log,
    names: [KEY],
    optional: [SEALED],
    fits: async (transaction) =>
      !(await hasSeals(transaction)) || (await secrets.get(KEY, { fresh: true })) !== undefined,
  });
  const seals = {
    ...createSeals((await ensureSecret(secrets, KEY)).revealBytes()),
    forged: createForgedRows(log),
  };
  const isSealed = async (): Promise<boolean> => (await secrets.get(SEALED, { fresh: true })) !== undefined;
  if (!(await isSealed())) {
    const count = await database.exclusively(LOCK, async (transaction) =>
      (await isSealed()) || (await hasSeals(transaction)) ? 0 : sealAll(transaction, seals),
    );
    if (count > 0) log.warn('rows of a release without seals were sealed, once', { rows: count });
    // After the commit: a start that dies between the two leaves sealed rows, which is seen.
    await ensureSecret(secrets, SEALED);
  }
  return { seals, stop };
}

async function hasSeals(transaction: Parameters<SharedSecretsOptions['fits']>[0]): Promise<boolean> {
  const { rows } = await transaction.query<{ sealed: boolean }>(
    `SELECT EXISTS (SELECT 1 FROM service_states WHERE seal <> '')
         OR EXISTS (SELECT 1 FROM certificate_revocations WHERE seal <> '')
         OR EXISTS (SELECT 1 FROM subject_revocations WHERE seal <> '')
         OR EXISTS (SELECT 1 FROM outbox WHERE seal <> '') AS sealed`,
  );
  return rows[0]?.sealed === true;
}

async function sealAll(transaction: Queryable, seals: ReportedSeals): Promise<number> {
  const services = await sealTable<ServiceStateRow>(transaction, SERVICE_STATES, ['service'], seals);
  const certificates = await sealTable<CertificateRow>(transaction, CERTIFICATES, ['thumbprint'], seals);
  const subjects = await sealTable<SubjectRow>(transaction, SUBJECTS, ['issuer', 'subject'], seals);
  const waiting = await sealTable<OutboxRow>(transaction, OUTBOX, ['event_id'], seals);
  return services + certificates + subjects + waiting;
}

/** @param keys columns of text that name a row */
async function sealTable<Row>(
  transaction: Queryable,
  table: SealedTable<Row>,
  keys: readonly (keyof Row & string)[],
  seals: ReportedSeals,
): Promise<number> {
  const { rows } = await transaction.query<Sealed<Row>>(`SELECT * FROM ${table.name}`);
  const arrays = [...keys, 'seal'].map((_, index) => `$${String(index + 1)}::text[]`).join(', ');
  await transaction.query(
    `UPDATE ${table.name} t SET seal = s.seal FROM unnest(${arrays}) AS s (${keys.join(', ')}, seal)
     WHERE ${keys.map((key) => `t.${key} = s.${key}`).join(' AND ')}`,
    [...keys.map((key) => rows.map((row) => row[key])), rows.map((row) => sealOf(table, row, seals))],
  );
  return rows.length;
}
