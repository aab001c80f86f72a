import { databaseUserOf } from '@aduana/server-kit/platform/database-url';
import type { Queryable } from '@aduana/server-kit/store/database';

export interface MigrationLogins {
  /** `MIGRATION_LOGINS`: logins by service. */
  readonly named: ReadonlyMap<string, string> | undefined;
  readonly serviceUrl: string | undefined;
  readonly migrationUrl: string;
  readonly database: string;
}

/** The logins that work in a service's schema and are not members of its roles yet. */
export async function readMigrationLogins(
  database: Queryable,
  service: string,
  { named, serviceUrl, migrationUrl, database: name }: MigrationLogins,
): Promise<readonly string[]> {
  const given = named?.get(service);
  if (given !== undefined) return [given];
  const candidates = [userOf(serviceUrl), `${name}_${service}`].filter(
    (user) => user !== undefined && user !== userOf(migrationUrl),
  );
  const { rows } = await database.query<{ rolname: string }>(
    'SELECT rolname FROM pg_roles WHERE rolcanlogin AND rolname IN ($1, $2) ORDER BY rolname',
    [candidates[0] ?? '', candidates[1] ?? ''],
  );
  return rows.map(({ rolname }) => rolname);
}

function userOf(url: string | undefined): string | undefined {
  const user = url === undefined ? '' : databaseUserOf(url);
  return user === '' ? undefined : user;
}
