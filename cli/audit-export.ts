import { open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SecurePeer } from '@aduana/core/mtls-client/secure-peer';
import { databaseNameOf } from '@aduana/server-kit/platform/database-url';
import { auditUrl } from '@aduana/server-kit/config/service-settings';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Database } from '@aduana/server-kit/store/database';
import { acquireHomeLock } from '@aduana/server-kit/store/home-lock';
import { rolesOf } from '@aduana/server-kit/store/migrate';
import { type CommandContext, CommandFailure } from './command-context.ts';
import { openDeploymentClient, runningSettings } from './deployment-client.ts';
import type { LogSource } from './log-source.ts';
import { readStoredLog } from './stored-log.ts';

const BUNDLE = 256;
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
      hashes: (from) => get(peer, `/audit/tile/0/${tileName(from / BUNDLE)}`),
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

/** The index of a tile as its path names it (c2sp.org/tlog-tiles). */
function tileName(index: number): string {
  const digits = String(index).padStart(Math.ceil(String(index).length / 3) * 3, '0');
  const groups = digits.match(/\d{3}/g) ?? [];
  return groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/');
}

/** One bundle of the tile layout (c2sp.org/tlog-tiles): each entry after its length in two bytes. */
async function readBundle(peer: SecurePeer, from: number, to: number): Promise<readonly string[]> {
  const name = tileName(from / BUNDLE);
  const partial = to - from === BUNDLE ? '' : `.p/${String(to - from)}`;
  const body = await get(peer, `/audit/tile/entries/${name}${partial}`);
  const entries: string[] = [];
  for (let at = 0; at < body.length;) {
    const length = body.readUInt16BE(at);
    entries.push(body.toString('utf8', at + 2, at + 2 + length));
    at += 2 + length;
  }
  return entries;
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

/** Writes `entries.jsonl`, `checkpoint` and `vkey` into a folder that is there, up to the signed size; of dropped entries their hashes; the last time stamp. */
export async function exportLog(source: LogSource, folder: string): Promise<number> {
  // last of all, so that an export that was cut short is not taken for a log that was
  await rm(join(folder, 'checkpoint'), { force: true });
  await writeFile(join(folder, 'vkey'), source.vkey, { mode: 0o600 });
  const size = Number(source.checkpoint.split('\n')[1] ?? 0);
  const minimumIndex = Number(/^minimum index (\d+)$/m.exec(source.minimumIndex)?.[1] ?? 0);
  await rm(join(folder, 'minimum-index'), { force: true });
  await rm(join(folder, 'dropped-hashes'), { force: true });
  if (minimumIndex > 0) {
    await writeFile(join(folder, 'minimum-index'), source.minimumIndex, { mode: 0o600 });
    await write(join(folder, 'dropped-hashes'), 0, minimumIndex, source.hashes);
  }
  await writeTimestamped(source, folder);
  let entries = 0;
  await write(join(folder, 'entries.jsonl'), minimumIndex, size, async (from, to) => {
    const texts = await source.entries(from, to);
    entries += texts.length;
    return texts.map((text) => `${text}\n`).join('');
  });
  await writeFile(join(folder, 'checkpoint'), source.checkpoint, { mode: 0o600 });
  return entries;
}

async function writeTimestamped(
  { timestamped: { note, response } }: LogSource,
  folder: string,
): Promise<void> {
  const [stamped, stamp] = [join(folder, 'timestamped-checkpoint'), join(folder, 'timestamp.tsr')];
  await Promise.all([stamped, stamp].map((file) => rm(file, { force: true })));
  if (response.length === 0) return;
  await writeFile(stamped, note, { mode: 0o600 });
  await writeFile(stamp, response, { mode: 0o600 });
}

/** Writes a file bundle by bundle, reading one ahead. */
async function write(
  path: string,
  begin: number,
  end: number,
  read: (from: number, to: number) => Promise<string | Buffer>,
): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    const readFrom = (from: number) => (from < end ? read(from, Math.min(from + BUNDLE, end)) : undefined);
    let next = readFrom(begin);
    for (let from = begin; next !== undefined; from += BUNDLE) {
      const content = await next;
      next = readFrom(from + BUNDLE);
      if (content.length > 0) await file.appendFile(content);
    }
  } finally {
    await file.close();
  }
}
