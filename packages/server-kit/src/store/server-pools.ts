import pg from 'pg';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { DatabaseServers, TargetSession } from '../platform/database-url.ts';
import { toDatabaseError } from './database-error.ts';

/** Connections to the server of a database that takes writes. */
export interface ServerPools {
  /**
   * @throws SecurityError STORE_UNAVAILABLE when no server gives such a connection in time
   * @throws what a server answered when it refused the login
   */
  connect(): Promise<pg.PoolClient>;
  end(): Promise<void>;
}

const CHECK_TIMEOUT_MS = 2000;
/** How long a server may take to part: one that is dead never does, and would keep the process from its end. */
const GOODBYE_MS = 2000;

const UNFIT = { any: '', 'read-write': 'is not read-write', primary: 'is not primary' } as const;

const SESSION_CHECKS = {
  'read-write': `NOT current_setting('transaction_read_only')::boolean`,
  primary: 'NOT pg_is_in_recovery()',
};

/**
 * A pool per server. A new connection is tried at the server that gave the last one, then at the others in their order, and
 * last at those that did not answer the last time: a dead machine takes the whole time-out. It counts only once the server
 * has said that it is what `target_session_attrs` asks for: libpq's rule, which `pg` lacks.
 */
export function openServerPools(
  { urls, session, connectTimeoutMilliseconds }: DatabaseServers,
  options: pg.PoolConfig,
  onIdleError: (error: Error) => void,
): ServerPools {
  const pools = urls.map(
    (connectionString) =>
      new pg.Pool({
        ...options,
        connectionString,
        connectionTimeoutMillis: connectTimeoutMilliseconds,
        ...(session === 'any' ? {} : { verify: verifySession(session) }),
      }),
  );
  for (const pool of pools) pool.on('error', onIdleError);
  const part = createParting(pools);
  const mute = new Set<number>();
  let last = 0;

  return {
    async connect() {
      const refusals: string[] = [];
      const inTurn = [...pools.keys()].map((index) => (last + index) % pools.length);
      const order = [
        ...inTurn.filter((index) => !mute.has(index)),
        ...inTurn.filter((index) => mute.has(index)),
      ];
      for (const index of order)
        try {
          const client = await pools[index]?.connect();
          if (client === undefined) continue;
          last = index;
          mute.delete(index);
          return client;
        } catch (error) {
          const ours = toDatabaseError(error);
          // another server would refuse the login just so
          if (!(ours instanceof SecurityError)) throw ours;
          if (ours.detail === UNFIT[session]) mute.delete(index);
          else mute.add(index);
          refusals.push(`${hostOf(urls[index])}: ${ours.detail ?? ours.message}`);
        }
      const detail = refusals.length === 1 ? refusals.join().replace(/^[^ ]+: /, '') : refusals.join('; ');
      throw new SecurityError('STORE_UNAVAILABLE', { detail });
    },
    async end() {
      await Promise.all(pools.map((pool) => pool.end()));
      await part();
    },
  };
}

function verifySession(session: Exclude<TargetSession, 'any'>) {
  return (client: pg.PoolClient, done: (error?: Error) => void): void => {
    const query: pg.QueryConfig & { readonly query_timeout: number } = {
      text: `SELECT ${SESSION_CHECKS[session]} AS fits`,
      query_timeout: CHECK_TIMEOUT_MS,
    };
    client.query<{ fits: boolean }>(query).then(({ rows }) => {
      done(
        rows[0]?.fits === true
          ? undefined
          : new SecurityError('STORE_UNAVAILABLE', { detail: UNFIT[session] }),
      );
    }, done);
  };
}

/**
 * A pool that has ended waits for no connection that it has given up, but its socket keeps the process from its end for as
 * long as the system tries to reach a dead server.
 *
 * @returns what waits until all have parted, and cuts those that do not
 */
function createParting(pools: readonly pg.Pool[]): () => Promise<void> {
  const open = new Set<pg.PoolClient>();
  let onLast = (): void => undefined;
  for (const pool of pools) {
    pool.on('connect', (client) => open.add(client));
    pool.on('remove', (client) => {
      open.delete(client);
      if (open.size === 0) onLast();
    });
  }
  return async () => {
    if (open.size === 0) return;
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, GOODBYE_MS);
      onLast = () => {
        clearTimeout(late);
        resolve();
      };
    });
    for (const client of open)
      (client as unknown as { readonly connection: pg.Connection }).connection.stream.destroy();
  };
}

function hostOf(url: string | undefined): string {
  return url === undefined || !URL.canParse(url) ? '' : new URL(url).host;
}
