import type { Database } from '@aduana/server-kit/store/database';
import { fine, type Finding, warning } from './doctor-finding.ts';

const SUBJECT = 'synchronous_standby_names';
const REMEDY =
  'Set synchronous_standby_names (or synchronous_mode of Patroni), and synchronous_commit to on: a failover may lose entries that the log has signed';

/** Whether what the database has confirmed is on a standby too, where there are any. */
export async function checkReplication(database: Database, hosts: number): Promise<readonly Finding[]> {
  const { rows } = await database.query<{ standbys: number; names: string; commit: string }>(
    `SELECT (SELECT count(*) FROM pg_stat_replication) AS standbys,
       current_setting('synchronous_standby_names') AS names, current_setting('synchronous_commit') AS commit`,
  );
  const { standbys = 0, names = '', commit = 'on' } = rows[0] ?? {};
  if (commit === 'off')
    return [
      warning('synchronous_commit', 'is off: a crash of the database loses what it has confirmed', REMEDY),
    ];
  if (standbys === 0 && hosts < 2) return [];
  if (names === '' || commit === 'local')
    return [warning(SUBJECT, `${String(standbys)} standbys follow, and none is waited for`, REMEDY)];
  return [fine(SUBJECT, `is ${names}: a commit waits for a standby`)];
}
