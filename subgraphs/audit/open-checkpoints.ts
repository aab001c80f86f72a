import { join } from 'node:path';
import { ANONYMOUS } from '@aduana/core/audit/audit-event';
import type { AuditSink } from '@aduana/core/audit/audit-sink';
import type { ServiceStore } from '@aduana/core/http/service-platform';
import { every } from '@aduana/core/platform/every';
import { describeError } from '@aduana/core/platform/log';
import { writeFileAtomically } from '@aduana/core/platform/write-file-atomically';
import { type Attestations, startAttestations } from './checkpoints/attestations.ts';
import { type CheckpointGuard, openCheckpointGuard } from './checkpoints/checkpoint-guard.ts';
import {
  type CheckpointSigners,
  loadCheckpointSigners,
  watchCheckpointSigners,
} from './checkpoints/checkpoint-key.ts';
import { CheckpointWriter } from './checkpoints/checkpoint-writer.ts';
import { IntegrityWatch } from './checkpoints/integrity-watch.ts';
import { createTreeReader, type TreeReader } from './checkpoints/tree-reader.ts';
import type { AuditSettings } from './config.ts';
import type { LogPlatform } from './log-platform.ts';
import type { IntegrityOptions } from './reading/integrity.ts';
import { createProofs, type Proofs } from './reading/proofs.ts';
import { createMinimumIndex, type MinimumIndex } from './retention/minimum-index.ts';

export interface OpenCheckpoints
  extends Pick<IntegrityOptions, 'vkey' | 'contradiction' | 'watch'>, Omit<Attestations, 'stop'> {
  readonly tree: TreeReader;
  readonly proofs: Proofs;
  readonly minimumIndex: MinimumIndex;
  /** Ends signing for good. */
  readonly refuse: (reason: string) => void;
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

type Recorder = (type: string, detail: Readonly<Record<string, unknown>>) => void;

const PAUSE_MS = 500;

/** What signs the log, proves it and watches over it. */
export async function openCheckpoints(options: OpenCheckpointsOptions): Promise<OpenCheckpoints> {
  const { settings, platform: { clock, log, secrets }, store: { reader } } = options; // prettier-ignore
  const folder = join(settings.ADUANA_HOME, 'audit');
  const origin = settings.AUDIT_ORIGIN ?? `${settings.TRUST_DOMAIN}/audit`;
  let signers = await loadCheckpointSigners(secrets, origin);
  const guard = await openCheckpointGuard(join(folder, 'checkpoint'), vkeysOf(signers), clock);
  const tree = createTreeReader(reader, clock);
  const record = createRecorder(options);
  const signing = await openSigning(options, { guard, tree, record, signers: () => signers });
  const contradiction = (): string | undefined => signing.contradiction;
  const isTampered = (): boolean => contradiction() !== undefined;
  const proofs = createProofs({ reader, tree, guard, signers: () => signers, isTampered });
  const minimumIndex = createMinimumIndex({ ...options.store, clock, signers: () => signers });
  await minimumIndex.renew();
  const watch = await openWatch(options, { tree, proofs, signing, minimumIndex, record });
  const keepVkey = (): Promise<void> =>
    writeFileAtomically(join(folder, 'vkey'), `${signers[0].vkey}\n`, 0o600);
  await keepVkey();
  const unwatch = watchCheckpointSigners(secrets, origin, (rotated) => {
    signers = rotated;
    record('checkpoint.rotate', { vkeys: vkeysOf(rotated) });
    Promise.all([keepVkey(), signing.advance(), minimumIndex.renew()]).catch((error: unknown) => {
      log.error('a rotated checkpoint key could not be put to use', { error: describeError(error) });
    });
  });
  const { stop: endAttestations, ...attestations } = await startAttestations(settings, {
    ...options.platform,
    ...options.store,
    ...{ folder, guard, tree },
    logVkeys: () => vkeysOf(signers),
  });
  const loop = every(clock, () => PAUSE_MS, () => signing.advance(), (error) => {
    log.warn('no checkpoint could be made', { error: describeError(error) });
  }); // prettier-ignore

  return {
    tree,
    proofs,
    minimumIndex,
    watch,
    ...attestations,
    refuse: (reason) => {
      signing.refuse(reason);
    },
    vkey: () => signers[0].vkey,
    contradiction,
    advance: () => signing.advance(),
    async verify() {
      await watch.verifyNew();
      await watch.verifyAll();
    },
    async close() {
      unwatch();
      await watch.stop();
      await endAttestations();
      await loop.stop();
      await signing.advance().catch(() => undefined);
    },
  };
}

function openSigning(
  { platform: { clock, log }, store: { reader, writer } }: OpenCheckpointsOptions,
  parts: {
    readonly guard: CheckpointGuard;
    readonly tree: TreeReader;
    readonly record: Recorder;
    readonly signers: () => CheckpointSigners;
  },
): Promise<CheckpointWriter> {
  return CheckpointWriter.open({
    reader,
    writer,
    guard: parts.guard,
    signers: parts.signers,
    treeReader: parts.tree,
    clock,
    log,
    onContradiction: (reason) => {
      parts.record('audit.tampered', { reason });
    },
  });
}

function openWatch(
  { settings, platform: { clock, log }, store: { reader } }: OpenCheckpointsOptions,
  parts: {
    readonly tree: TreeReader;
    readonly proofs: Proofs;
    readonly signing: CheckpointWriter;
    readonly minimumIndex: MinimumIndex;
    readonly record: Recorder;
  },
): Promise<IntegrityWatch> {
  return IntegrityWatch.start({
    reader,
    tree: parts.tree,
    minimumIndex: parts.minimumIndex,
    clock,
    log,
    file: join(settings.ADUANA_HOME, 'audit', 'verified'),
    signedSize: async () => (await parts.proofs.checkpoint()).size,
    onTampered: (reason) => {
      parts.signing.refuse(reason);
    },
    onHoles: (holes, openIntents) => {
      log.error('events are missing from the log', { holes: holes.length, openIntents });
      parts.record('audit.incomplete', { holes: holes.slice(0, 20), open_intents: openIntents });
    },
  });
}

/** What the log has to say of itself becomes an event and a metric. */
function createRecorder({ settings, platform: { log, metrics }, audit }: OpenCheckpointsOptions): Recorder {
  const findings = metrics.counter('aduana_audit_findings_total', 'What the log found about itself', [
    'kind',
  ]);
  return (type, detail) => {
    findings.inc({ kind: type });
    audit
      .record({
        type,
        class_uid: 6003,
        outcome: type === 'checkpoint.rotate' ? 'ALLOWED' : 'FAILED',
        actor: { ...ANONYMOUS, sub: `audit@${settings.INSTANCE}` },
        detail,
      })
      .catch((error: unknown) => {
        log.error('a finding could not be recorded', { type, error: describeError(error) });
      });
  };
}

function vkeysOf(signers: CheckpointSigners): readonly string[] {
  return signers.map(({ vkey }) => vkey);
}
