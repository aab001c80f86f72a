// A process of its own, to be killed: an audit log over PostgreSQL behind plain HTTP. Arguments: port, database URL, home.
import { createServer } from 'node:http';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import { Secret } from '@aduana/core/secrets/secret';
import { loadConfig } from '@aduana/server-kit/config/load-config';
import { rolesOf } from '@aduana/server-kit/store/migrate';
import { openPgDatabase } from '@aduana/server-kit/store/pg-database';
import { AUDIT_SETTINGS } from '../../dist/subgraphs/audit/config.js';
import { EPOCH } from '../../dist/subgraphs/audit/checkpoints/epoch.js';
import { SIGNED } from '../../dist/subgraphs/audit/checkpoints/signed-mark.js';
import { openLog } from '../../dist/subgraphs/audit/open-log.js';

const [port, url, home] = process.argv.slice(2);
const log = createLog('error', (line) => process.stderr.write(line));
const roles = rolesOf(new URL(url).pathname.slice(1), 'audit');
const open = (role) => openPgDatabase({ url, schema: 'audit', role, log });
/** The same secrets in every life of this process. */
const secretOf = (name) => ({ value: Secret.of(createHash('sha256').update(name).digest()), version: 1 });
const signedFile = join(home, 'signed');
const readSigned = () =>
  existsSync(signedFile) ? { value: Secret.of(readFileSync(signedFile, 'utf8')), version: 1 } : undefined;

const audit = await openLog(loadConfig(AUDIT_SETTINGS, { ADUANA_HOME: home }), {
  clock: createSystemClock(),
  log,
  metrics: createMetrics(),
  secrets: {
    kind: 'vault', // as one that all replicas share
    get: async (name) => {
      if (name === SIGNED) return readSigned();
      return name === EPOCH ? undefined : secretOf(name);
    },
    put: async (_name, value) => {
      writeFileSync(`${signedFile}.new`, value.reveal());
      renameSync(`${signedFile}.new`, signedFile);
      return 1;
    },
    watch: () => () => undefined,
  },
  openStore: async () => ({ writer: open(roles.writer), reader: open(roles.reader) }),
});
createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    audit.ingest.accept('gateway', Buffer.concat(chunks).toString('utf8')).then(
      () => response.writeHead(200).end(),
      () => response.writeHead(503).end(),
    );
  });
}).listen(Number(port), '127.0.0.1');
process.on('SIGTERM', () => {
  void audit.close().then(() => process.exit(0));
});
