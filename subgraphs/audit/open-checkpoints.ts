import { join } from 'node:path';
import { ANONYMOUS } from '@aduana/core/audit/audit-event';
import type { AuditSink } from '@aduana/core/audit/audit-sink';
import type { ServiceStore } from '@aduana/core/http/service-platform';
import { every } from '@aduana/core/platform/every';
import { describeError } from '@aduana/core/platform/log';
import { writeFileAtomically } from '@aduana/core/platform/write-file-atomically';
import { openCheckpointGuard } from './checkpoints/checkpoint-guard.ts';
import { loadCheckpointKey } from './checkpoints/checkpoint-key.ts';
import { CheckpointWriter } from './checkpoints/checkpoint-writer.ts';
import { IntegrityWatch } from './checkpoints/integrity-watch.ts';
import { createTreeReader, type TreeReader } from './checkpoints/tree-reader.ts';
import type { AuditSettings } from './config.ts';
import type { LogPlatform } from './open-log.ts';
import type { IntegrityOptions } from './reading/integrity.ts';
import { createProofs, type Proofs } from './reading/proofs.ts';

export interface OpenCheckpoints extends Pick<IntegrityOptions, 'vkey' | 'contradiction' | 'watch'> {
  readonly tree: TreeReader;
  readonly proofs: Proofs;
  readonly advance: () => Promise<void>;
  readonly verify: () => Promise<void>;
  readonly close: () => Promise<void>;
}

export interface OpenCheckpointsOptions {
  readonly settings: AuditSettings;
  readonly platform: LogPlatform;
  readonly store: ServiceStore;
  /** Where findings are recorded. */
  readonly audit: AuditSink;
}

const PAUSE_MS = 500;

/** What signs the log, proves it and watches over it. */
export async function openCheckpoints(options: OpenCheckpointsOptions): Promise<OpenCheckpoints> {
  const { settings, platform, store: { reader, writer } } = options; // prettier-ignore
  const { clock, log } = platform;
  const folder = join(settings.ADUANA_HOME, 'audit');
  const signer = await loadCheckpointKey(platform.secrets, `${settings.TRUST_DOMAIN}/audit`);
  const guard = await openCheckpointGuard(join(folder, 'checkpoint'), [signer.vkey]);
  await writeFileAtomically(join(folder, 'vkey'), `${signer.vkey}\n`, 0o600);
  const tree = createTreeReader(reader, clock);
  const record = createFindingRecorder(options);
  const signing = await CheckpointWriter.open({
    reader, writer, guard, signers: [signer], treeReader: tree, clock, log, onSigned: () => undefined,
    onContradiction: (reason) => {
      record('audit.tampered', { reason });
    },
  }); // prettier-ignore
  const contradiction = (): string | undefined => signing.contradiction;
  const proofs = createProofs({
    reader,
    tree,
    signer,
    guard,
    isTampered: () => contradiction() !== undefined,
  });
  const watch = await IntegrityWatch.start({
    reader,
    tree,
    clock,
    log,
    file: join(folder, 'verified'),
    signedSize: async () => (await proofs.checkpoint()).size,
    onTampered: (reason) => {
      signing.refuse(reason);
    },
    onHoles: (holes, openIntents) => {
      log.error('events are missing from the log', { holes: holes.length, openIntents });
      record('audit.incomplete', { holes: holes.slice(0, 20), open_intents: openIntents });
    },
  });
  const loop = every(clock, () => PAUSE_MS, () => signing.advance(), (error) => {
    log.warn('no checkpoint could be made', { error: describeError(error) });
  }); // prettier-ignore

  return {
    tree,
    proofs,
    watch,
    vkey: signer.vkey,
    contradiction,
    advance: () => signing.advance(),
    async verify() {
      await watch.verifyNew();
      await watch.verifyAll();
    },
    async close() {
      await watch.stop();
      await loop.stop();
      await signing.advance().catch(() => undefined);
    },
  };
}

/** A finding becomes an event and a metric. */
function createFindingRecorder({ settings, platform: { log, metrics }, audit }: OpenCheckpointsOptions) {
  const findings = metrics.counter('aduana_audit_findings_total', 'What the integrity watch found', ['kind']);
  return (type: string, detail: Readonly<Record<string, unknown>>): void => {
    findings.inc({ kind: type });
    audit
      .record({
        type,
        class_uid: 6003,
        outcome: 'FAILED',
        actor: { ...ANONYMOUS, sub: `audit@${settings.INSTANCE}` },
        detail,
      })
      .catch((error: unknown) => {
        log.error('a finding could not be recorded', { type, error: describeError(error) });
      });
  };
}
