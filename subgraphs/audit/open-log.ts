import { join } from 'node:path';
import { createNoSpool } from '@aduana/client/audit/no-spool';
import { openSpoolBoots } from '@aduana/client/audit/spool-boots';
import { openSpool, type SpoolQueue } from '@aduana/client/audit/spool';
import { type AuditClient, createAuditClient } from '@aduana/client/audit/audit-client';
import type { Database } from '@aduana/server-kit/store/database';
import { ensureSecret } from '@aduana/server-kit/secrets/ensure-secret';
import type { SecretProvider } from '@aduana/server-kit/secrets/secret-provider';
import type { CheckpointGuard } from './checkpoints/checkpoint-guard.ts';
import type { StoredTimestamps } from './checkpoints/stored-timestamps.ts';
import type { TreeReader } from './checkpoints/tree-reader.ts';
import type { AuditSettings } from './config.ts';
import { findPreviousStart } from './log/close-ended-instances.ts';
import { type HeldEvents, openHeldEvents } from './log/held-events.ts';
import { createIngest, type Ingest } from './log/ingest.ts';
import { AUDIT_MIGRATIONS } from './log/migrations.ts';
import { AUDIT_SCHEMA } from './log/schema.ts';
import { createSequencer } from './log/sequencer.ts';
import { settlePartitions } from './log/settle-partitions.ts';
import { createSubjectKeys, type SubjectKeys } from './log/subject-keys.ts';
import type { LogPlatform } from './log-platform.ts';
import { openCheckpoints } from './open-checkpoints.ts';
import { createEventFollower, type EventFollower } from './reading/follow-events.ts';
import { type Integrity, readIntegrity } from './reading/integrity.ts';
import { createStreamCounts } from './reading/stream-counts.ts';
import type { Proofs } from './checkpoints/proofs.ts';
import type { MinimumIndex } from './checkpoints/minimum-index.ts';
import { startPublishing } from './publishing/start-publishing.ts';
import { recordRecovery } from './record-recovery.ts';
import { startRetention } from './retention/start-retention.ts';
import { readSinkSettings } from './shippers/sink-settings.ts';
import { startShippers } from './shippers/start-shippers.ts';
import { shareLogSecrets, SUBJECT_NAMES } from './share-log-secrets.ts';

/** The log with everything that keeps it whole, without its faces. */
export interface OpenLog {
  readonly reader: Database;
  readonly follower: Pick<EventFollower, 'follow'>;
  readonly ingest: Ingest;
  readonly held: HeldEvents;
  readonly proofs: Proofs;
  readonly tree: TreeReader;
  readonly minimumIndex: Pick<MinimumIndex, 'current' | 'note'>;
  readonly vkey: () => string;
  readonly vkeys: () => readonly string[];
  readonly guard: Pick<CheckpointGuard, 'last'>;
  readonly secrets: SecretProvider;
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
  const instance = `audit@${settings.INSTANCE}`;
  const unshare = await shareLogSecrets(settings, platform, writer);
  const pepper = await ensureSecret(secrets, SUBJECT_NAMES);
  const subjectKeys = createSubjectKeys({ writer, secrets, clock, pepper });
  const sequencer = createSequencer(writer);
  const stopsFrom = await findPreviousStart(reader, instance);
  const own = (): AuditClient => audit;
  const awaitsHeld = (): boolean => held.isPending;
  const ingest = createIngest({ sequencer, subjectKeys, reader, clock, log, own, stopsFrom, awaitsHeld });
  const { spool, held } = await openDisk(settings, platform, ingest, own);
  const audit = openOwnAudit({ instance, settings, platform, ingest, spool, held });
  const checkpoints = await openCheckpoints({ settings, platform, store, audit });
  await audit.start();
  held.begin();
  await recordRecovery(secrets, reader, audit);
  checkpoints.release();
  await checkpoints.advance(); // what is published has a checkpoint
  const publisher = startPublishing(settings, { ...checkpoints, reader }, store, platform);
  const shippers = startShippers(sinks, { ...store, vkeys: checkpoints.vkeys }, platform, publisher);
  const states = (size: number) => shippers.states(size);
  const retention = startRetention({
    ...platform,
    ...store,
    ...checkpoints,
    keepMilliseconds: settings.AUDIT_RETENTION,
    signedSize: async () => (await checkpoints.proofs.checkpoint()).size,
    onTampered: checkpoints.refuse,
    instance,
    sinks: states,
    audit,
  });
  const settling = settlePartitions({ ...platform, writer });
  const streams = createStreamCounts(reader);
  const follower = createEventFollower({ reader, clock, log });

  return {
    ...checkpoints,
    reader,
    follower,
    ingest,
    held,
    audit,
    subjectKeys,
    secrets,
    retain: () => retention.run(),
    integrity: () => readIntegrity({ reader, ...checkpoints, sinks: states, streams }),
    async close() {
      for (const part of [follower, retention, settling, shippers, held]) await part.stop();
      await ingest.settle();
      await audit.stop();
      await spool.close();
      await checkpoints.close();
      await unshare();
    },
  };
}

function spoolFolder(settings: AuditSettings): string {
  return join(settings.ADUANA_HOME, 'spool', 'audit');
}

/** Where the log's own events wait, and what it holds of others'. */
async function openDisk(
  settings: AuditSettings,
  platform: LogPlatform,
  ingest: Ingest,
  own: () => AuditClient,
): Promise<{ readonly spool: SpoolQueue; readonly held: HeldEvents }> {
  const folder = spoolFolder(settings);
  const common = {
    key: (await ensureSecret(platform.secrets, 'spool-keys/audit')).revealBytes(),
    maxBytes: settings.AUDIT_SPOOL_MAX_BYTES,
    log: platform.log,
  };
  return {
    spool: settings.SPOOL === 'off' ? createNoSpool() : await openSpool({ ...common, folder }),
    held: await openHeldEvents({
      ...platform,
      ...common,
      folder: join(folder, 'held'),
      holds: settings.SPOOL === 'replicated',
      ingest,
      own,
    }),
  };
}

/** The log's own events take the way of all others, without the network. */
function openOwnAudit({
  instance,
  settings,
  platform,
  ingest,
  spool,
  held,
}: {
  readonly instance: string;
  readonly settings: AuditSettings;
  readonly platform: LogPlatform;
  readonly ingest: Ingest;
  readonly spool: SpoolQueue;
  readonly held: Pick<HeldEvents, 'isEmpty'>;
}): AuditClient {
  return createAuditClient({
    instance,
    post: async (body) => {
      await ingest.accept('audit', body);
    },
    spool,
    ...(settings.SPOOL === 'off' ? {} : { boots: openSpoolBoots(spoolFolder(settings)) }),
    leavesMore: () => !held.isEmpty,
    mode: settings.AUDIT_MODE,
    platform,
  });
}
