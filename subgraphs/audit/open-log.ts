import { join } from 'node:path';
import { openSpool, type Spool } from '@aduana/core/audit/spool';
import { type AuditClient, createAuditClient } from '@aduana/core/client/audit-client';
import type { Database } from '@aduana/core/store/database';
import { ensureSecret } from './checkpoints/checkpoint-key.ts';
import type { StoredTimestamps } from './checkpoints/stored-timestamps.ts';
import type { TreeReader } from './checkpoints/tree-reader.ts';
import type { AuditSettings } from './config.ts';
import { createIngest, type Ingest } from './log/ingest.ts';
import { AUDIT_MIGRATIONS } from './log/migrations.ts';
import { AUDIT_SCHEMA } from './log/schema.ts';
import { createSequencer } from './log/sequencer.ts';
import { createSubjectKeys, type SubjectKeys } from './log/subject-keys.ts';
import type { LogPlatform } from './log-platform.ts';
import { openCheckpoints } from './open-checkpoints.ts';
import { type Integrity, readIntegrity } from './reading/integrity.ts';
import type { Proofs } from './reading/proofs.ts';
import type { MinimumIndex } from './retention/minimum-index.ts';
import { startRetention } from './retention/start-retention.ts';
import { readSinkSettings } from './shippers/sink-settings.ts';
import { startShippers } from './shippers/start-shippers.ts';

/** The log with everything that keeps it whole, without its faces. */
export interface OpenLog {
  readonly reader: Database;
  readonly ingest: Ingest;
  readonly proofs: Proofs;
  readonly tree: TreeReader;
  readonly minimumIndex: Pick<MinimumIndex, 'current' | 'note'>;
  readonly vkey: () => string;
  readonly witnessed: () => string | undefined;
  readonly timestamps: Pick<StoredTimestamps, 'last'>;
  /** Has the last checkpoint stamped, where an authority is configured. */
  readonly stamp: () => Promise<void>;
  /** The service's own line to its log. */
  readonly audit: AuditClient;
  readonly subjectKeys: SubjectKeys;
  /** Signs what is new at once. */
  readonly advance: () => Promise<void>;
  readonly integrity: () => Promise<Integrity>;
  /** Verifies what is new, then everything. */
  readonly verify: () => Promise<void>;
  /** Drops the entries whose retention has ended. */
  readonly retain: () => Promise<void>;
  /** Why the log is not whole; undefined while it is. */
  readonly contradiction: () => string | undefined;
  readonly close: () => Promise<void>;
}

export async function openLog(settings: AuditSettings, platform: LogPlatform): Promise<OpenLog> {
  const { clock, log, secrets } = platform;
  const sinks = await readSinkSettings(settings.SIEM_SINKS);
  const store = await platform.openStore(AUDIT_SCHEMA, AUDIT_MIGRATIONS);
  const { writer, reader } = store;
  const pepper = await ensureSecret(secrets, 'audit/subject-names');
  const subjectKeys = createSubjectKeys({ writer, secrets, clock, pepper });
  const ingest = createIngest({
    sequencer: createSequencer(writer),
    subjectKeys,
    reader,
    clock,
    log,
    own: () => audit,
  });
  const spool = await openOwnSpool(settings, platform);
  const audit = openOwnLine(settings, platform, ingest, spool);
  const checkpoints = await openCheckpoints({ settings, platform, store, audit });
  await audit.start();
  const shippers = startShippers(sinks, store, platform);
  const states = (size: number) => shippers.states(size);
  const retention = startRetention({
    ...platform,
    ...store,
    ...checkpoints,
    keepMilliseconds: settings.AUDIT_RETENTION,
    signedSize: async () => (await checkpoints.proofs.checkpoint()).size,
    onTampered: checkpoints.refuse,
    instance: `audit@${settings.INSTANCE}`,
    sinks: states,
    audit,
  });
  await checkpoints.advance();

  return {
    reader,
    ingest,
    audit,
    subjectKeys,
    proofs: checkpoints.proofs,
    tree: checkpoints.tree,
    minimumIndex: checkpoints.minimumIndex,
    timestamps: checkpoints.timestamps,
    stamp: checkpoints.stamp,
    vkey: checkpoints.vkey,
    witnessed: checkpoints.witnessed,
    advance: checkpoints.advance,
    contradiction: checkpoints.contradiction,
    verify: checkpoints.verify,
    retain: () => retention.run(),
    integrity: () => readIntegrity({ reader, clock, ...checkpoints, sinks: states }),
    async close() {
      await retention.stop();
      await shippers.stop();
      await audit.stop();
      await spool.close();
      await checkpoints.close();
    },
  };
}

async function openOwnSpool(settings: AuditSettings, { secrets, log }: LogPlatform): Promise<Spool> {
  return openSpool({
    folder: join(settings.ADUANA_HOME, 'spool', 'audit'),
    key: (await ensureSecret(secrets, 'spool-keys/audit')).revealBytes(),
    maxBytes: settings.AUDIT_SPOOL_MAX_BYTES,
    log,
  });
}

/** The log's own events take the way of all others, without the network. */
function openOwnLine(
  settings: AuditSettings,
  platform: LogPlatform,
  ingest: Ingest,
  spool: Spool,
): AuditClient {
  return createAuditClient({
    instance: `audit@${settings.INSTANCE}`,
    post: async (body) => {
      await ingest.accept('audit', body);
    },
    spool,
    mode: settings.AUDIT_MODE,
    platform,
  });
}
