import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSpool } from '@aduana/core/audit/spool';
import { createAuditClient } from '@aduana/core/client/audit-client';
import { loadConfig } from '@aduana/core/config/load-config';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/core/platform/log';
import { createMetrics } from '@aduana/core/platform/metrics';
import { migrate, rolesOf } from '@aduana/core/store/migrate';
import { openPgDatabase } from '@aduana/core/store/pg-database';
import { verifyExport } from '../../dist/auditor/verify-export.js';
import { AUDIT_SETTINGS } from '../../dist/subgraphs/audit/config.js';
import { AUDIT_MIGRATIONS } from '../../dist/subgraphs/audit/log/migrations.js';
import { AUDIT_SCHEMA } from '../../dist/subgraphs/audit/log/schema.js';
import { openLog } from '../../dist/subgraphs/audit/open-log.js';
import { createMemorySecrets } from './memory-secrets.js';
import { writeLog } from './write-log.js';
import { hashChainRate } from './hash-chain.js';
import { percentile } from './percentile.js';
const SERVER = process.env['DATABASE_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres';
const IN_FLIGHT = 256;
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 8);
const ENTRIES = Number(process.env['BENCH_ENTRIES'] ?? 200_000);
const clock = createSystemClock();
const log = createLog('error', (line) => process.stderr.write(line));
const print = (name, value) => {
  process.stdout.write(`${name.padEnd(58)} ${value}\n`);
};
/** What the audit log costs, on PostgreSQL, beside a hash chain under a row lock in the same database. */ async function main() {
  const home = await mkdtemp(join(tmpdir(), 'aduana-bench-'));
  const name = `aduana_bench_${String(process.pid)}`;
  const admin = openPgDatabase({
    url: SERVER,
    schema: 'public',
    log,
    statementTimeoutMilliseconds: 60_000,
  });
  await admin.query(`CREATE DATABASE "${name}"`);
  const url = Object.assign(new URL(SERVER), {
    pathname: `/${name}`,
  }).href;
  const roles = rolesOf(name, AUDIT_SCHEMA);
  const opened = [];
  const connect = (role) => {
    const database = openPgDatabase({
      url,
      schema: AUDIT_SCHEMA,
      log,
      statementTimeoutMilliseconds: 60_000,
      ...(role === undefined
        ? {}
        : {
            role,
          }),
    });
    opened.push(database);
    return database;
  };
  const owner = connect();
  await migrate(owner, {
    schema: AUDIT_SCHEMA,
    roles,
    migrations: AUDIT_MIGRATIONS,
  });
  const audit = await openLog(loadConfig(AUDIT_SETTINGS, {
        ADUANA_HOME: home,
        AUDIT_MODE: 'fail_closed'
    }), {
        clock,
        log,
        metrics: createMetrics(),
        secrets: createMemorySecrets(),
        openStore: ()=>Promise.resolve({
                writer: connect(roles.writer),
                reader: connect(roles.reader)
            })
    }); // prettier-ignore
  try {
    const chain = await hashChainRate(owner, SECONDS, IN_FLIGHT);
    print('hash chain under a row lock, events/s', chain.toFixed(0));
    const rate = await durableRate(audit, home);
    print(
      `durable events/s at ${String(IN_FLIGHT)} in flight`,
      `${rate.toFixed(0)} (${(rate / chain).toFixed(1)} x the hash chain)`,
    );
    await addedLatency(audit, home);
    await proofs(audit);
    await verification(home);
  } finally {
    await audit.close();
    await Promise.all(opened.map((database) => database.close()));
    await admin.query(`DROP DATABASE "${name}" WITH (FORCE)`);
    for (const role of [roles.owner, roles.writer, roles.reader]) await admin.query(`DROP ROLE "${role}"`);
    await admin.close();
    await rm(home, {
      recursive: true,
    });
  }
}
const RECORD = {
    type: 'request',
    class_uid: 6003,
    outcome: 'ALLOWED',
    actor: {
        sub: 'bff',
        client_id: 'bff',
        act: [],
        auth_method: 'client_secret_basic',
        cert_thumbprint: 'F_kFoqIB67lM7ebgohPJ1VCjtnvEgHMKcmAIMUjlPH8'
    },
    request: {
        operation_name: 'Leads',
        document_sha256: 'f'.repeat(64),
        fields: [
            'Query.leads',
            'Lead.company',
            'Lead.score'
        ],
        subgraphs: [
            'leads'
        ]
    },
    policy: {
        rule: null,
        sha256: 'a'.repeat(64)
    },
    trace: {
        trace_id: '0'.repeat(31) + '1',
        span_id: '0'.repeat(16)
    },
    detail: {
        source_address: '127.0.0.1',
        operation_kind: 'query'
    }
}; // prettier-ignore
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
    platform: {
      clock,
      log,
      metrics: createMetrics(),
    },
  });
  return {
    client,
    close: () => client.stop().then(() => spool.close()),
  };
}
async function durableRate(audit, home) {
  const { client, close } = await openClient(audit, home, 'rate');
  const end = clock.monotonic() + SECONDS * 1000;
  let count = 0;
  let worstLag = 0;
  const lag = setInterval(
    () => void audit.integrity().then(({ lag: events }) => (worstLag = Math.max(worstLag, events))),
    200,
  );
  await Promise.all(
    Array.from(
      {
        length: IN_FLIGHT,
      },
      async () => {
        while (clock.monotonic() < end) {
          await client.record(RECORD);
          count += 1;
        }
      },
    ),
  );
  clearInterval(lag);
  const rate = count / SECONDS;
  print(
    'checkpoint lag meanwhile, at most',
    `${(worstLag / rate).toFixed(2)} s (${String(worstLag)} events)`,
  );
  await close();
  return rate;
}
async function addedLatency(audit, home) {
  const { client, close } = await openClient(audit, home, 'latency');
  for (const rate of [500, 1000, 2000]) {
    const spans = [];
    const pending = [];
    const start = clock.monotonic();
    const cpu = process.cpuUsage();
    for (let sent = 0; sent < rate * 4;) {
      for (const due = Math.floor(((clock.monotonic() - start) / 1000) * rate); sent < due; sent += 1) {
        const began = clock.monotonic();
        pending.push(client.record(RECORD).then(() => void spans.push(clock.monotonic() - began)));
      }
      await clock.sleep(1);
    }
    await Promise.all(pending);
    const { user, system } = process.cpuUsage(cpu);
    const figures = [50, 95, 99]
      .map((share) => `p${String(share)} ${percentile(spans, share).toFixed(1)} ms`)
      .join(', ');
    print(
      `added to a request at ${String(rate)}/s`,
      `${figures}; ${((user + system) / spans.length).toFixed(0)} us CPU of client and service`,
    );
  }
  await close();
}
async function proofs(audit) {
  await audit.advance();
  const { size } = await audit.proofs.checkpoint();
  const spans = [];
  for (let count = 0; count < 300; count += 1) {
    const began = clock.monotonic();
    await audit.proofs.inclusion(Math.floor((count / 300) * size), size);
    spans.push(clock.monotonic() - began);
  }
  print(
    `inclusion proof at ${String(size)} entries`,
    `p50 ${percentile(spans, 50).toFixed(2)} ms, p95 ${percentile(spans, 95).toFixed(2)} ms`,
  );
}
/** An export of its own, so that its size is what is asked for. */ async function verification(home) {
  await writeLog(home, ENTRIES, RECORD);
  const began = clock.monotonic();
  const { exitCode } = await verifyExport({ folder: home, now: clock.now() });
  const seconds = (clock.monotonic() - began) / 1000;
  const memory = process.memoryUsage.rss() / 1048576;
  print(
    `verify of ${String(ENTRIES)} events (exit ${String(exitCode)})`,
    `${seconds.toFixed(1)} s (${((seconds / ENTRIES) * 1e6).toFixed(1)} s for 10^6), ${memory.toFixed(0)} MiB with everything before`,
  );
}
await main();
