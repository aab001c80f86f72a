import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';
import { constantTimeEqual } from '@aduana/core/platform/digest';
import { every } from '@aduana/core/platform/every';
import { describeError, type Log } from '@aduana/core/platform/log';
import type { Secret } from '@aduana/core/secrets/secret';
import { ensureSecret } from './ensure-secret.ts';
import type { SecretProvider, SecretVersion } from './secret-provider.ts';

/** What is asked of a transaction: secrets know no database. */
interface Statements {
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller knows its columns
  query<Row>(sql: string, parameters?: readonly unknown[]): Promise<{ readonly rows: readonly Row[] }>;
}

export interface SharedSecretsOptions {
  /** Of the service that the secrets belong to; its schema holds `SHARED_SECRETS`. */
  readonly database: {
    readonly kind: 'postgresql' | 'pglite';
    exclusively<Result>(lock: string, work: (transaction: Statements) => Promise<Result>): Promise<Result>;
  };
  readonly secrets: SecretProvider;
  readonly names: readonly string[];
  /** Those that need not be there. */
  readonly optional?: readonly string[];
  /** Whether what the database holds already was made with this home's secrets: asked before they are shared. */
  readonly fits: (transaction: Statements) => Promise<boolean>;
  readonly clock: Clock;
  readonly log: Log;
}

/** The table that every service has which shares secrets. */
export const SHARED_SECRETS = (writer: string): string => `
  CREATE TABLE shared_secrets (name text PRIMARY KEY, version integer NOT NULL, wrapped text NOT NULL);
  GRANT SELECT, INSERT, UPDATE ON shared_secrets TO "${writer}";`;

const LOCK = 'shared-secrets';
const PAUSE_MS = 10_000;

interface Row {
  readonly name: string;
  readonly version: number;
  readonly wrapped: string;
}

/**
 * Gives every replica of a service the same secrets where the provider keeps them in the replica's home: they are in the
 * service's schema, wrapped under the provider's key, and the home has a copy. A provider that is shared by itself, and an
 * embedded database, which has one home, need nothing of it.
 *
 * @returns what ends the sharing of later versions
 * @throws ConfigurationError where this home's secrets are not those of the database
 */
export async function shareSecrets(options: SharedSecretsOptions): Promise<() => Promise<void>> {
  const { database, secrets, clock, log } = options;
  if (secrets.kind === 'vault' || database.kind === 'pglite') return () => Promise.resolve();
  await shareOnce(options);
  const sharing = every(
    clock,
    () => PAUSE_MS,
    () => shareOnce(options),
    (error) => {
      log.warn('secrets cannot be shared with the other replicas now', { error: describeError(error) });
    },
  );
  return () => sharing.stop();
}

function shareOnce(options: SharedSecretsOptions): Promise<void> {
  return options.database.exclusively(LOCK, async (transaction) => {
    const { rows } = await transaction.query<Row>(
      'SELECT name, version, wrapped FROM shared_secrets WHERE name = ANY($1)',
      [[...options.names, ...(options.optional ?? [])]],
    );
    const isWhole = options.names.every((name) => rows.some((row) => row.name === name));
    if (!isWhole && !(await options.fits(transaction))) throw differs('is not there yet');
    for (const name of options.names) {
      const row = rows.find((one) => one.name === name);
      if (row === undefined) await ensureSecret(options.secrets, name);
      await shareOne(transaction, name, row, options.secrets);
    }
    for (const name of options.optional ?? [])
      await shareOne(
        transaction,
        name,
        rows.find((one) => one.name === name),
        options.secrets,
      );
  });
}

async function shareOne(
  transaction: Statements,
  name: string,
  row: Row | undefined,
  secrets: SecretProvider,
): Promise<void> {
  if (row === undefined) return store(transaction, name, await secrets.get(name, { fresh: true }), secrets);
  const shared = await open(row, secrets);
  const own = await secrets.get(name, { fresh: true });
  if (own !== undefined && own.version > row.version) return store(transaction, name, own, secrets);
  if (own !== undefined && constantTimeEqual(own.value.revealBytes(), shared.revealBytes())) return;
  if (own?.version === row.version) throw differs(`has another ${name}`);
  for (let version = own?.version ?? 0; version < row.version; version += 1)
    await secrets.put(name, shared, version);
}

async function store(
  transaction: Statements,
  name: string,
  own: SecretVersion | undefined,
  secrets: SecretProvider,
): Promise<void> {
  if (own === undefined) return;
  await transaction.query(
    `INSERT INTO shared_secrets (name, version, wrapped) VALUES ($1, $2, $3)
     ON CONFLICT (name) DO UPDATE SET version = excluded.version, wrapped = excluded.wrapped`,
    [name, own.version, await secrets.wrap(own.value, contextOf(name, own.version))],
  );
}

async function open({ name, version, wrapped }: Row, secrets: SecretProvider): Promise<Secret> {
  try {
    return await secrets.unwrap(wrapped, contextOf(name, version));
  } catch (error) {
    if (error instanceof SecurityError && error.code === 'FORBIDDEN')
      throw differs(`cannot open ${name}, which another replica has shared`);
    throw error;
  }
}

/** With its number, so that nobody who writes to the database makes an older secret the newest one. */
function contextOf(name: string, version: number): Readonly<Record<string, string>> {
  return { purpose: 'shared-secret', name, version: String(version) };
}

function differs(what: string): ConfigurationError {
  return new ConfigurationError([
    {
      subject: 'SECRET_PROVIDER',
      problem: `this home does not have the secrets that the rows of this database were made with: it ${what}`,
      remedy:
        'Start the replica that has them once, and give all of them the same master key (ADUANA_MASTER_KEY_FILE), or set SECRET_PROVIDER=vault or aws_kms; see "Several replicas" in docs/secrets.md',
    },
  ]);
}
