import { auditEvent, type EventDetail } from '@aduana/client/audit/event-catalogue';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Engine } from '@aduana/server-kit/iam/compile';
import type { LivePolicies } from '@aduana/server-kit/iam/live-policies';
import { uuidv7 } from '@aduana/core/platform/ids';
import { describeError } from '@aduana/core/platform/log';
import type { Platform } from '@aduana/core/platform/platform';
import type { Database } from '@aduana/server-kit/store/database';
import { readPolicyTexts } from './policy-versions.ts';
import type { Decided } from './service-states.ts';
import { OUTBOX_LOCK, type StatusOutbox } from './status-outbox.ts';

/** Keeps account of which policies came into force, and reports them to the feed and to the audit log. */
export interface PolicyHistory {
  /** @throws SecurityError `POLICY_INVALID` when the files are not good; those in force stay */
  reload(asked: Omit<Decided, 'reason'>): Promise<Engine>;
  stop(): void;
}

export interface PolicyHistoryOptions {
  readonly policies: LivePolicies;
  readonly database: Database;
  readonly outbox: StatusOutbox;
  readonly audit: AuditSink;
  readonly platform: Pick<Platform, 'clock' | 'log'>;
}

export async function openPolicyHistory(options: PolicyHistoryOptions): Promise<PolicyHistory> {
  const {
    policies,
    audit,
    platform: { log },
  } = options;

  async function report(
    asked: Omit<Decided, 'reason'>,
    outcome: 'ALLOWED' | 'FAILED',
    detail: EventDetail<'policy.reload'>,
  ): Promise<void> {
    const policy = { rule: null, sha256: policies.current().sha256 };
    await audit.record({ ...auditEvent('policy.reload', detail), outcome, ...asked, policy });
  }

  const stopListening = policies.onChange((engine) => {
    noteVersion(engine, options).catch((error: unknown) => {
      log.error('a change of policies could not be stored', { error: describeError(error) });
    });
  });
  await noteVersion(policies.current(), options);

  return {
    async reload(asked) {
      try {
        const engine = await policies.reload();
        await report(asked, 'ALLOWED', { sha256: engine.sha256, asked: true });
        return engine;
      } catch (error) {
        if (!(error instanceof ConfigurationError)) throw error;
        const problems = error.problems.map(({ subject, problem }) => `${subject}: ${problem}`);
        await report(asked, 'FAILED', { problems: problems.slice(0, 20) });
        throw new SecurityError('POLICY_INVALID', {
          cause: error,
          extensions: { problems: problems.slice(0, 20) },
        });
      }
    },
    stop: stopListening,
  };
}

/** Stores the version unless it is the newest one known, whichever replica saw it first, and appends it to the feed. */
async function noteVersion(
  engine: Engine,
  { policies, database, outbox, platform }: PolicyHistoryOptions,
): Promise<void> {
  const { sha256 } = engine;
  const at = platform.clock.now();
  const id = uuidv7(at);
  const files = await readPolicyTexts(engine);
  if (policies.current().sha256 !== sha256) return; // others are in force by now, and noted by themselves
  await database.exclusively(OUTBOX_LOCK, async (transaction) => {
    const { rows } = await transaction.query<{ sha256: string }>(
      'SELECT sha256 FROM policy_versions ORDER BY version DESC LIMIT 1',
    );
    if (rows[0]?.sha256 === sha256) return;
    const { affected } = await transaction.query(
      'INSERT INTO policy_versions (event_id, sha256, at, files) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
      [id, sha256, at, files ?? null],
    );
    if (affected === 0)
      platform.log.error('a version of the policies is not in their history: others wrote to it', { sha256 });
    await outbox.add(transaction, { id, kind: 'policies_changed', sha256 });
  });
  outbox.wake();
}
