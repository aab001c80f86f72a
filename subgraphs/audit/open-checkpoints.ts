import { auditEvent, type EventDetail } from '@aduana/client/audit/event-catalogue';
import { join } from 'node:path';
import { ANONYMOUS } from '@aduana/client/audit/audit-event';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import type { ServiceStore } from '@aduana/server-kit/http/service-platform';
import type { SecretProvider } from '@aduana/server-kit/secrets/secret-provider';
import { every, type Repeating } from '@aduana/core/platform/every';
import type { Metrics } from '@aduana/core/platform/metrics';
import { describeError } from '@aduana/core/platform/log';
import { writeFileAtomically } from '@aduana/core/platform/write-file-atomically';
import { type Attestations, startAttestations } from './checkpoints/attestations.ts';
import type { CheckpointGuard } from './checkpoints/checkpoint-guard.ts';
import {
  type CheckpointSigners,
  loadCheckpointSigners,
  watchCheckpointSigners,
} from './checkpoints/checkpoint-key.ts';
import { CheckpointWriter } from './checkpoints/checkpoint-writer.ts';
import { openNotes } from './checkpoints/open-notes.ts';
import { readRecovery } from './checkpoints/epoch.ts';
import { IntegrityWatch } from './checkpoints/integrity-watch.ts';
import type { SignedMark } from './checkpoints/signed-mark.ts';
import { createTreeReader, type TreeReader } from './checkpoints/tree-reader.ts';
import type { AuditSettings } from './config.ts';
import { logOrigin } from './log-origin.ts';
import type { LogPlatform } from './log-platform.ts';
import { createProofs, type Proofs } from './checkpoints/proofs.ts';
import { createMinimumIndex, type MinimumIndex } from './checkpoints/minimum-index.ts';

export interface OpenCheckpoints extends Omit<Attestations, 'stop'> {
  readonly vkey: () => string;
  /** Why the log is not whole; undefined while it is. */
  readonly contradiction: () => string | undefined;
  /** Whether entries wait for a checkpoint for much longer than it takes to make one. */
  readonly isBehind: () => boolean;
  readonly watch: Pick<
    IntegrityWatch,
    'verifiedSize' | 'holes' | 'overBound' | 'openIntents' | 'lastRunAt' | 'lastFullRunAt'
  >;
  readonly tree: TreeReader;
  readonly guard: Pick<CheckpointGuard, 'last'>;
  readonly vkeys: () => readonly string[];
  readonly proofs: Proofs;
  readonly minimumIndex: MinimumIndex;
  /** Begins to sign, in an epoch that is recorded. */
  readonly release: () => void;
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

type Finding = 'audit.tampered' | 'audit.incomplete' | 'checkpoint.rotate';
type Recorder = <Type extends Finding>(type: Type, detail: EventDetail<Type>) => void;

const PAUSE_MS = 500;

/** What signs the log, proves it and watches over it. */
export async function openCheckpoints(options: OpenCheckpointsOptions): Promise<OpenCheckpoints> {
  const { settings, platform: { clock, log, secrets }, store: { reader } } = options; // prettier-ignore
  const folder = join(settings.ADUANA_HOME, 'audit');
  const origin = await logOrigin(settings, secrets);
  let signers = await loadCheckpointSigners(secrets, origin);
  const { guard, mark } = await openNotes({ folder, secrets, reader, signers, clock, log });
  const tree = createTreeReader(reader, clock);
  const record = createRecorder(options);
  const signing = await openSigning(options, { guard, mark, tree, record, signers: () => signers });
  const { advance, release } = await holdInNewEpoch(secrets, signing);
  const isTampered = (): boolean => signing.contradiction !== undefined;
  showContradiction(options.platform.metrics, isTampered);
  const refuse = signing.refuse.bind(signing);
  const proofs = createProofs({ reader, tree, guard, signers: () => signers, isTampered, refuse });
  const minimumIndex = createMinimumIndex({ ...options.store, clock, signers: () => signers });
  await minimumIndex.renew();
  const watch = await openWatch(options, { tree, proofs, signing, minimumIndex, record });
  await keepVkeyIn(folder, signers[0]);
  const unwatch = watchCheckpointSigners(secrets, origin, (rotated) => {
    signers = rotated;
    record('checkpoint.rotate', { vkeys: vkeysOf(rotated) });
    Promise.all([keepVkeyIn(folder, rotated[0]), advance(), minimumIndex.renew()]).catch((error: unknown) => {
      log.error('a rotated checkpoint key could not be put to use', { error: describeError(error) });
    });
  });
  const { stop: endAttestations, ...attestations } = await startAttestations(settings, {
    ...options.platform,
    ...options.store,
    ...{ folder, guard, tree },
    logVkeys: () => vkeysOf(signers),
  });
  const loop = advanceAgain(advance, options.platform);

  return {
    tree,
    guard,
    vkeys: () => vkeysOf(signers),
    proofs,
    minimumIndex,
    watch,
    ...attestations,
    refuse,
    vkey: () => signers[0].vkey,
    contradiction: () => signing.contradiction,
    isBehind: () => signing.isBehind,
    advance,
    release,
    async verify() {
      await watch.verifyNew();
      await watch.verifyAll();
    },
    async close() {
      unwatch();
      await watch.stop();
      await endAttestations();
      await loop.stop();
      await advance().catch(() => undefined);
      await mark.settle();
    },
  };
}

/** For verifiers that read the home folder. */
function keepVkeyIn(folder: string, { vkey }: { readonly vkey: string }): Promise<void> {
  return writeFileAtomically(join(folder, 'vkey'), `${vkey}\n`, 0o600);
}

function advanceAgain(advance: () => Promise<void>, { clock, log }: LogPlatform): Repeating {
  return every(clock, () => PAUSE_MS, advance, (error) => {
    log.warn('no checkpoint could be made', { error: describeError(error) });
  }); // prettier-ignore
}

/** In a new epoch nothing is signed before what began it is recorded. */
async function holdInNewEpoch(
  secrets: SecretProvider,
  signing: Pick<CheckpointWriter, 'advance'>,
): Promise<Pick<OpenCheckpoints, 'advance' | 'release'>> {
  let isHeld = (await readRecovery(secrets)) !== undefined;
  return {
    advance: () => (isHeld ? Promise.resolve() : signing.advance()),
    release() {
      isHeld = false;
    },
  };
}

function openSigning(
  { platform: { clock, log }, store: { reader, writer } }: OpenCheckpointsOptions,
  parts: {
    readonly guard: CheckpointGuard;
    readonly mark: SignedMark;
    readonly tree: TreeReader;
    readonly record: Recorder;
    readonly signers: () => CheckpointSigners;
  },
): Promise<CheckpointWriter> {
  return CheckpointWriter.open({
    reader,
    writer,
    guard: parts.guard,
    mark: parts.mark,
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
    onIncomplete: (holes, openIntents, overBound) => {
      log.error('events may be missing from the log', { holes: holes.length, openIntents, overBound });
      parts.record('audit.incomplete', {
        holes: holes.slice(0, 20),
        open_intents: openIntents,
        over_bound: overBound.map(({ peer }) => peer),
      });
    },
  });
}

function showContradiction(metrics: Pick<Metrics, 'gauge'>, isTampered: () => boolean): void {
  metrics.gauge('aduana_audit_log_contradicted', (gauge) => {
    gauge.set(isTampered() ? 1 : 0);
  });
}

/** What the log has to say of itself becomes an event and a metric. */
function createRecorder({ settings, platform: { log, metrics }, audit }: OpenCheckpointsOptions): Recorder {
  const findings = metrics.counter('aduana_audit_findings_total');
  return (type, detail) => {
    findings.inc({ kind: type });
    audit
      .record({
        ...auditEvent(type, detail),
        outcome: type === 'checkpoint.rotate' ? 'ALLOWED' : 'FAILED',
        actor: { ...ANONYMOUS, sub: `audit@${settings.INSTANCE}` },
      })
      .catch((error: unknown) => {
        log.error('a finding could not be recorded', { type, error: describeError(error) });
      });
  };
}

function vkeysOf(signers: CheckpointSigners): readonly string[] {
  return signers.map(({ vkey }) => vkey);
}
