import pg from 'pg';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Log } from '@aduana/core/platform/log';
import { databaseServers } from '../platform/database-url.ts';
import { toDatabaseError } from './database-error.ts';
import type { Database, Queryable, QueryResult } from './database.ts';
import { takeLock, tryLock } from './row-locks.ts';
import { openServerPools } from './server-pools.ts';

export interface PgOptions {
  /** `postgres://...`, of one server or several: may hold a password, so it is never logged. */
  readonly url: string;
  readonly schema: string;
  /** The role to work as; absent: the connection's own. */
  readonly role?: string;
  readonly maxConnections?: number;
  readonly statementTimeoutMilliseconds?: number;
  readonly log: Log;
}

const INT8_OID = 20;
const defaultParser = pg.types.getTypeParser as (oid: number, format?: string) => (value: string) => unknown;

/** `bigint` as a number, as PGlite gives it: no count of ours comes near 2^53. */
const TYPES = {
  getTypeParser: (oid: number, format?: string) => (oid === INT8_OID ? Number : defaultParser(oid, format)),
};

/** A connection that is cut fails its statement, and reports it a second time as an event, which ends the process if nobody listens. */
const reportedByStatement = (): void => undefined;

/** PostgreSQL over pools of connections; no call waits longer than its statement's time-out. */
export function openPgDatabase(options: PgOptions): Database {
  const pools = openPools(options);

  async function transaction<Result>(work: (transaction: Queryable) => Promise<Result>): Promise<Result> {
    const client = await pools.connect();
    client.on('error', reportedByStatement);
    let broken = false;
    try {
      const queryable = toQueryable(client);
      await queryable.query('BEGIN');
      try {
        const result = await work(queryable);
        await queryable.query('COMMIT');
        return result;
      } catch (error) {
        // a server that has become read-only may be the wrong one by now: the next attempt connects anew
        broken = error instanceof SecurityError;
        await client.query('ROLLBACK').catch(() => (broken = true));
        throw error;
      }
    } finally {
      client.off('error', reportedByStatement);
      client.release(broken);
    }
  }

  /** One statement on a connection, which is given up when it fails. */
  async function once<Result>(work: (queryable: Queryable) => Promise<Result>): Promise<Result> {
    const client = await pools.connect();
    client.on('error', reportedByStatement);
    let broken = true;
    try {
      const result = await work(toQueryable(client));
      broken = false;
      return result;
    } finally {
      client.off('error', reportedByStatement);
      client.release(broken);
    }
  }

  return {
    kind: 'postgresql',
    query: (...statement) => once((queryable) => queryable.query(...statement)),
    transaction,
    exclusively: (lock, work) =>
      transaction(async (queryable) => {
        await takeLock(queryable, lock);
        return work(queryable);
      }),
    tryExclusively: (lock, work) =>
      transaction(async (queryable) => ((await tryLock(queryable, lock)) ? work(queryable) : undefined)),
    close: () => pools.end(),
  };
}

function openPools({
  url,
  schema,
  role,
  maxConnections = 8,
  statementTimeoutMilliseconds = 5000,
  log,
}: PgOptions) {
  return openServerPools(
    databaseServers(url),
    {
      types: TYPES,
      max: maxConnections,
      statement_timeout: statementTimeoutMilliseconds,
      query_timeout: statementTimeoutMilliseconds + 500,
      idle_in_transaction_session_timeout: 60_000,
      options: `-c search_path=${schema}${role === undefined ? '' : ` -c role=${role}`}`,
    },
    (error) => {
      log.warn('an idle database connection failed', { error: toDatabaseError(error) });
    },
  );
}

function toQueryable(client: pg.PoolClient): Queryable {
  return {
    async query<Row>(
      sql: string,
      parameters: readonly unknown[] = [],
      preparedAs?: string,
    ): Promise<QueryResult<Row>> {
      try {
        const name = preparedAs === undefined ? {} : { name: preparedAs };
        const { rows, rowCount } = await client.query({ ...name, text: sql, values: [...parameters] });
        return { rows: rows as Row[], affected: rowCount ?? 0 };
      } catch (error) {
        throw toDatabaseError(error);
      }
    },
  };
}
