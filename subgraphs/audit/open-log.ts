import { join } from 'node:path';
import { openSpool } from '@aduana/core/audit/spool';
import { type AuditClient, createAuditClient } from '@aduana/core/client/audit-client';
import type { ServicePlatform } from '@aduana/core/http/service-platform';
import { every } from '@aduana/core/platform/every';
import { describeError } from '@aduana/core/platform/log';
import { writeFileAtomically } from '@aduana/core/platform/write-file-atomically';
import { openCheckpointGuard } from './checkpoints/checkpoint-guard.ts';
import { ensureSecret, loadCheckpointKey } from './checkpoints/checkpoint-key.ts';
import { createCheckpointWriter } from './checkpoints/checkpoint-writer.ts';
import { createTreeReader, type TreeReader } from './checkpoints/tree-reader.ts';
import type { AuditSettings } from './config.ts';
import { createIngest, type Ingest } from './log/ingest.ts';
import { AUDIT_MIGRATIONS, AUDIT_SCHEMA } from './log/migrations.ts';
import { createSequencer } from './log/sequencer.ts';
import { createSubjectKeys, type SubjectKeys } from './log/subject-keys.ts';
import { type Integrity, readSizes } from './reading/integrity.ts';
import { createProofs, type Proofs } from './reading/proofs.ts';
import type { Database } from '@aduana/core/store/database';

/** The log with everything that keeps it whole, without its faces. */
export interface OpenLog {
  readonly reader: Database;
  readonly ingest: Ingest;
  readonly proofs: Proofs;
  readonly tree: TreeReader;
  readonly vkey: string;
  /** The service's own line to its log. */
  readonly audit: AuditClient;
  readonly subjectKeys: SubjectKeys;
  /** Signs what is new at once. */
  advance(): Promise<void>;
  integrity(): Promise<Integrity>;
  /** Why the log is not whole; undefined while it is. */
  contradiction(): string | undefined;
  close(): Promise<void>;
}

export type LogPlatform = Pick<ServicePlatform, 'clock' | 'log' | 'metrics' | 'secrets' | 'openStore'>;

const CHECKPOINT_PAUSE_MS = 500;

export async function openLog(settings: AuditSettings, platform: LogPlatform): Promise<OpenLog> {
  const { clock, log, secrets } = platform;
  const { writer, reader } = await platform.openStore(AUDIT_SCHEMA, AUDIT_MIGRATIONS);
  const signer = await loadCheckpointKey(secrets, `${settings.TRUST_DOMAIN}/audit`);
  const guard = await openCheckpointGuard(join(settings.ADUANA_HOME, 'audit', 'checkpoint'), [signer.vkey]);
  await writeFileAtomically(join(settings.ADUANA_HOME, 'audit', 'vkey'), `${signer.vkey}\n`, 0o600);
  const tree = createTreeReader(reader, clock);
  const checkpoints = await createCheckpointWriter({
    reader, writer, guard, signer, treeReader: tree, clock, log, onSigned: () => undefined,
  }); // prettier-ignore
  const proofs = createProofs({
    reader,
    tree,
    signer,
    guard,
    isTampered: () => checkpoints.contradiction !== undefined,
  });
  const signing = every(
    clock,
    () => CHECKPOINT_PAUSE_MS,
    () => checkpoints.advance(),
    (error) => {
      log.warn('no checkpoint could be made', { error: describeError(error) });
    },
  );
  const subjectKeys = createSubjectKeys({
    writer, secrets, clock, pepper: await ensureSecret(secrets, 'audit/subject-names'),
  }); // prettier-ignore
  const ingest = createIngest({
    sequencer: createSequencer(writer),
    subjectKeys,
    reader,
    log,
    own: () => audit,
    onAppended: () => undefined,
  });
  const spool = await openSpool({
    folder: join(settings.ADUANA_HOME, 'spool', 'audit'),
    key: (await ensureSecret(secrets, 'spool-keys/audit')).revealBytes(),
    maxBytes: settings.AUDIT_SPOOL_MAX_BYTES,
    log,
  });
  const audit: AuditClient = createAuditClient({
    instance: `audit@${settings.INSTANCE}`,
    post: async (body) => {
      await ingest.accept('audit', body);
    },
    spool,
    mode: settings.AUDIT_MODE,
    platform,
  });
  await audit.start();
  await checkpoints.advance();

  return {
    reader,
    ingest,
    proofs,
    tree,
    vkey: signer.vkey,
    audit,
    subjectKeys,
    advance: () => checkpoints.advance(),
    contradiction: () => checkpoints.contradiction,
    async integrity() {
      const { size, signedSize } = await readSizes(reader);
      return {
        status: checkpoints.contradiction === undefined ? 'OK' : 'TAMPERED',
        size,
        verifiedSize: signedSize,
        vkey: signer.vkey,
        lag: Math.max(0, size - signedSize),
        holes: [],
        sinks: [],
      };
    },
    async close() {
      await audit.stop();
      await spool.close();
      await signing.stop();
      await checkpoints.advance().catch(() => undefined);
    },
  };
}
