import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSpool } from '@aduana/client/audit/spool';
import { createAuditClient } from '@aduana/client/audit/audit-client';
import { loadConfig } from '@aduana/server-kit/config/load-config';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import { migrate, rolesOf } from '@aduana/server-kit/store/migrate';
import { openPgDatabase } from '@aduana/server-kit/store/pg-database';
import { AUDIT_SETTINGS } from '../../dist/subgraphs/audit/config.js';
import { AUDIT_MIGRATIONS } from '../../dist/subgraphs/audit/log/migrations.js';
import { AUDIT_SCHEMA } from '../../dist/subgraphs/audit/log/schema.js';
import { openLog } from '../../dist/subgraphs/audit/open-log.js';
import { createMemorySecrets } from './memory-secrets.js';

const clock = createSystemClock();
const log = createLog('error', (line) => process.stderr.write(line));

/** A log in the database at `url`, whose clients are in this process. */
export async function openBenchLog(url) {
  const home = await mkdtemp(join(tmpdir(), 'aduana-bench-'));
  const roles = rolesOf(new URL(url).pathname.slice(1), AUDIT_SCHEMA);
  const opened = [];
  const connect = (role) => {
    const database = openPgDatabase({
      ...{ url, schema: AUDIT_SCHEMA, log, statementTimeoutMilliseconds: 60_000 },
      ...(role === undefined ? {} : { role }),
    });
    opened.push(database);
    return database;
  };
  const owner = connect();
  await migrate(owner, { schema: AUDIT_SCHEMA, roles, migrations: AUDIT_MIGRATIONS });
  const store = { writer: connect(roles.writer), reader: connect(roles.reader) };
  const audit = await openLog(loadConfig(AUDIT_SETTINGS, { ADUANA_HOME: home, AUDIT_MODE: 'fail_closed' }), {
    clock,
    log,
    metrics: createMetrics(),
    secrets: createMemorySecrets(),
    openStore: () => Promise.resolve(store),
  });
  return {
    ...{ audit, owner, ...store, home },
    openClient: (instance) => openClient(audit, home, instance),
    async close() {
      await audit.close();
      await Promise.all(opened.map((database) => database.close()));
      await rm(home, { recursive: true });
    },
  };
}

async function openClient(audit, home, instance) {
  const spool = await openSpool({
    folder: join(home, 'spool', instance),
    key: Buffer.alloc(32),
    maxBytes: 1e8,
    log,
  });
  const client = createAuditClient({
    instance,
    post: async (body) => void (await audit.ingest.accept('gateway', body)),
    spool,
    mode: 'fail_closed',
    platform: { clock, log, metrics: createMetrics() },
  });
  return {
    record: (record) => client.record(record),
    close: () => client.stop().then(() => spool.close()),
  };
}
