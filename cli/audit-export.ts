import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogSource } from '@aduana/audit-verifier/log-source';
import { bundleEntries, TILE_WIDTH, tilePath } from '@aduana/audit-verifier/tile-path';
import type { SecurePeer } from '@aduana/core/mtls-client/secure-peer';
import { databaseNameOf } from '@aduana/server-kit/platform/database-url';
import { auditUrl } from '@aduana/server-kit/config/service-settings';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Database } from '@aduana/server-kit/store/database';
import { acquireHomeLock } from '@aduana/server-kit/store/home-lock';
import { rolesOf } from '@aduana/server-kit/store/migrate';
import { type CommandContext, CommandFailure } from './command-context.ts';
import { openDeploymentClient, runningSettings } from './deployment-client.ts';
import { readStoredLog } from './stored-log.ts';

const EXIT_USAGE = 3;
const TIMEOUT_MS = 30_000;
const BUNDLE_BYTES = 16_777_216;

/** The running audit service, read with the auditor's certificate; its store where no service answers. */
export async function openLogSource(context: CommandContext): Promise<LogSource> {
  return (await openRunningLog(context)) ?? openStoredLog(context);
}

async function openRunningLog(context: CommandContext): Promise<LogSource | undefined> {
  const deployment = await openDeploymentClient('auditor', context);
  const peer = deployment.client.peer({
    origin: new URL(auditUrl(deployment.settings)).origin,
    spiffeId: `spiffe://${deployment.settings.TRUST_DOMAIN}/audit`,
    failureCode: 'AUDIT_UNAVAILABLE',
  });
  try {
    const vkey = await get(peer, '/audit/vkey');
    // before the checkpoint, which then covers what these are of
    const minimumIndex = await get(peer, '/audit/minimum-index');
    const timestamped = await getTimestamped(peer);
    const checkpoint = await get(peer, '/audit/checkpoint');
    return {
      isRunning: true,
      minimumIndex: minimumIndex.toString('utf8'),
      timestamped,
      hashes: (from) =>
        get(peer, `/audit/${tilePath({ level: 0, index: from / TILE_WIDTH, width: TILE_WIDTH })}`),
      vkey: vkey.toString('utf8'),
      checkpoint: checkpoint.toString('utf8'),
      entries: (from, to) => readBundle(peer, from, to),
      close: () => deployment.close(),
    };
  } catch (error) {
    await deployment.close();
    if (error instanceof SecurityError) return undefined;
    throw error;
  }
}

async function getTimestamped(peer: SecurePeer): Promise<LogSource['timestamped']> {
  const response = await get(peer, '/audit/checkpoint/timestamp');
  const note = (await get(peer, '/audit/checkpoint/timestamped')).toString('utf8');
  // the two belong together only where no other stamp came in between
  const again = await get(peer, '/audit/checkpoint/timestamp');
  return again.equals(response) ? { note, response } : getTimestamped(peer);
}

async function get(peer: SecurePeer, path: string): Promise<Buffer> {
  const { status, body } = await peer.request({
    method: 'GET',
    path,
    timeoutMilliseconds: TIMEOUT_MS,
    maxResponseBytes: BUNDLE_BYTES,
  });
  if (status === 404) return Buffer.alloc(0);
  if (status !== 200)
    throw new CommandFailure(EXIT_USAGE, `The audit service answered ${path} with HTTP ${String(status)}`);
  return body;
}

/** One bundle of the tile layout (c2sp.org/tlog-tiles). */
async function readBundle(peer: SecurePeer, from: number, to: number): Promise<readonly string[]> {
  const path = tilePath({ level: 'entries', index: from / TILE_WIDTH, width: to - from });
  return (bundleEntries(await get(peer, `/audit/${path}`)) ?? []).map((entry) => entry.toString('utf8'));
}

async function openStoredLog(context: CommandContext): Promise<LogSource> {
  const settings = await runningSettings(context.environment);
  const folder = join(settings.ADUANA_HOME, 'audit');
  const [vkey, checkpoint] = await Promise.all([
    readFile(join(folder, 'vkey'), 'utf8'),
    readFile(join(folder, 'checkpoint'), 'utf8'),
  ]).catch(() => {
    throw new CommandFailure(
      EXIT_USAGE,
      `The audit service does not answer, and there is no log in ${folder}\n  -> Start the deployment with: npm start, or set AUDIT_URL or ADUANA_HOME`,
    );
  });
  const { database, close } = await openAuditStore(settings, context);
  return { ...(await readStoredLog(database, { vkey, checkpoint })), close };
}

async function openAuditStore(
  settings: Awaited<ReturnType<typeof runningSettings>>,
  context: CommandContext,
): Promise<{ readonly database: Database; readonly close: () => Promise<void> }> {
  if (settings.DATABASE_URL !== undefined) {
    const { openPgDatabase } = await import('@aduana/server-kit/store/pg-database');
    const role = rolesOf(databaseNameOf(settings.DATABASE_URL), 'audit').reader;
    const database = openPgDatabase({ url: settings.DATABASE_URL, schema: 'audit', role, log: context.log });
    return { database, close: () => database.close() };
  }
  const data = join(settings.ADUANA_HOME, 'data');
  await stat(data).catch(() => {
    throw new CommandFailure(
      EXIT_USAGE,
      `There is no database in ${data}\n  -> Set DATABASE_URL or ADUANA_HOME as for the audit service`,
    );
  });
  const lock = await acquireHomeLock(settings.ADUANA_HOME, 'audit', context.clock);
  const { openEmbeddedStore } = await import('@aduana/server-kit/store/pglite-database');
  const store = await openEmbeddedStore(data);
  return {
    database: store.database('audit', rolesOf('postgres', 'audit').reader),
    async close() {
      await store.close();
      await lock.release();
    },
  };
}
