import pg from 'pg';
import type { Log } from '../platform/log.ts';
import { toDatabaseError } from './database-error.ts';
import type { Database, Queryable, QueryResult } from './database.ts';

export interface PgOptions {
  /** `postgres://...`: may hold a password, so it is never logged. */
  readonly url: string;
  readonly schema: string;
  /** The role to work as; absent: the connection's own. */
  readonly role?: string;
  readonly maxConnections?: number;
  readonly statementTimeoutMilliseconds?: number;
  readonly log: Log;
}

const CONNECT_TIMEOUT_MS = 3000;

const INT8_OID = 20;
const defaultParser = pg.types.getTypeParser as (oid: number, format?: string) => (value: string) => unknown;

/** `bigint` as a number, as PGlite gives it: no count of ours comes near 2^53. */
const TYPES = {
  getTypeParser: (oid: number, format?: string) => (oid === INT8_OID ? Number : defaultParser(oid, format)),
};

/** PostgreSQL over a pool of connections; no call waits longer than its statement's time-out. */
export function openPgDatabase(options: PgOptions): Database {
  const statementTimeout = options.statementTimeoutMilliseconds ?? 5000;
  const pool = new pg.Pool({
    connectionString: options.url,
    types: TYPES,
    max: options.maxConnections ?? 8,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: statementTimeout,
    query_timeout: statementTimeout + 500,
    idle_in_transaction_session_timeout: 60_000,
    options: `-c search_path=${options.schema}${options.role === undefined ? '' : ` -c role=${options.role}`}`,
  });
  pool.on('error', (error) => {
    options.log.warn('an idle database connection failed', { error: toDatabaseError(error) });
  });

  async function transaction<Result>(work: (transaction: Queryable) => Promise<Result>): Promise<Result> {
    const client = await pool.connect().catch((error: unknown) => {
      throw toDatabaseError(error);
    });
    const onError = (): void => undefined; // the statement under way reports it
    client.on('error', onError);
    let broken = false;
    try {
      const queryable = toQueryable(client);
      await queryable.query('BEGIN');
      try {
        const result = await work(queryable);
        await queryable.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK').catch(() => (broken = true));
        throw error;
      }
    } finally {
      client.off('error', onError);
      client.release(broken);
    }
  }

  return {
    kind: 'postgresql',
    ...toQueryable(pool),
    transaction,
    exclusively: (lock, work) =>
      transaction(async (queryable) => {
        await queryable.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
          `${options.schema}:${lock}`,
        ]);
        return work(queryable);
      }),
    tryExclusively: (lock, work) =>
      transaction(async (queryable) => {
        const { rows } = await queryable.query<{ held: boolean }>(
          'SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS held',
          [`${options.schema}:${lock}`],
        );
        return rows[0]?.held === true ? work(queryable) : undefined;
      }),
    close: () => pool.end(),
  };
}

function toQueryable(client: pg.Pool | pg.PoolClient): Queryable {
  return {
    async query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<QueryResult<Row>> {
      try {
        const { rows, rowCount } = await client.query(sql, [...parameters]);
        return { rows: rows as Row[], affected: rowCount ?? 0 };
      } catch (error) {
        throw toDatabaseError(error);
      }
    },
  };
}
