import { PGlite, types } from '@electric-sql/pglite';
import { toDatabaseError } from './database-error.ts';
import type { Database, Queryable, QueryResult } from './database.ts';
import { createMutex } from '@aduana/core/platform/mutex';

/** The embedded PostgreSQL of one process; its services are separated by schema and role. */
export interface EmbeddedStore {
  /** A service's view; an absent role is the superuser's. */
  database(schema: string, role?: string): Database;
  close(): Promise<void>;
}

/** `bytea` as a Buffer, as the `pg` driver gives it. */
const PARSERS = { [types.BYTEA]: (value: string): Buffer => Buffer.from(value.slice(2), 'hex') };

/** PostgreSQL's own 128 MB of buffers would fill up, page by page, with a log that is hardly read again. */
const MEMORY_PARAMETERS = ['-c', 'shared_buffers=16MB'];

/**
 * Opens PGlite, which has one session: a mutex gives each statement or transaction its turn, under the caller's role.
 * It makes no fsync around a commit: durable against the death of the process, not of the machine.
 *
 * @param folder the data folder; undefined keeps everything in memory
 */
export async function openEmbeddedStore(folder: string | undefined): Promise<EmbeddedStore> {
  const options = { parsers: PARSERS, startParams: [...PGlite.defaultStartParams, ...MEMORY_PARAMETERS] };
  const pglite = await (folder === undefined ? PGlite.create(options) : PGlite.create(folder, options));
  const inTurn = createMutex();
  let session = '';

  async function run<Row>(sql: string, parameters: readonly unknown[] = []): Promise<QueryResult<Row>> {
    try {
      const { rows, affectedRows } = await pglite.query<Row>(sql, [...parameters]);
      return { rows, affected: affectedRows ?? 0 };
    } catch (error) {
      throw toDatabaseError(error);
    }
  }

  function database(schema: string, role?: string): Database {
    const wanted = `RESET ROLE; SET search_path TO "${schema}"; ${role === undefined ? '' : `SET ROLE "${role}";`}`;
    const asMe = <Result>(task: () => Promise<Result>): Promise<Result> =>
      inTurn(async () => {
        if (session !== wanted) {
          session = '';
          await pglite.exec(wanted);
          session = wanted;
        }
        return task();
      });
    const transaction = <Result>(work: (queryable: Queryable) => Promise<Result>): Promise<Result> =>
      asMe(async () => {
        await run('BEGIN');
        try {
          const result = await work({ query: run });
          await run('COMMIT');
          return result;
        } catch (error) {
          session = '';
          await run('ROLLBACK');
          throw error;
        }
      });
    return {
      kind: 'pglite',
      query: (sql, parameters) => asMe(() => run(sql, parameters)),
      transaction,
      exclusively: (_lock, work) => transaction(work),
      tryExclusively: (_lock, work) => transaction(work),
      close: () => Promise.resolve(),
    };
  }

  return { database, close: () => inTurn(() => pglite.close()) };
}
