import type { AuditSink } from '@aduana/core/audit/audit-sink';
import { recordPolicies } from '@aduana/core/client/policy-recorder';
import type { HouseLine } from '@aduana/core/client/house-line';
import type { ServicePlatform } from '@aduana/core/http/service-platform';
import type { LivePolicies } from '@aduana/core/iam/live-policies';
import { createRevokeCertificate, type RevokeCertificate } from './certificate-revocations.ts';
import { MIGRATIONS } from './migrations.ts';
import { openPolicyHistory, type PolicyHistory } from './policy-history.ts';
import { createPostStatus } from './post-status.ts';
import { createRotateServiceSecret, type RotateServiceSecret } from './rotate-service-secret.ts';
import { createServiceStates, type ServiceStates } from './service-states.ts';
import { createStatusOutbox, restate } from './status-outbox.ts';

/** The rooms of the admin service, put together. */
export interface OpenAdmin {
  readonly policies: LivePolicies;
  readonly states: ServiceStates;
  readonly history: PolicyHistory;
  readonly revokeCertificate: RevokeCertificate;
  readonly rotateServiceSecret: RotateServiceSecret;
  /** `ok`, or what is wrong. */
  check(): Readonly<Record<string, string>>;
  close(): Promise<void>;
}

export async function openAdmin(options: {
  readonly policies: LivePolicies;
  readonly line: Pick<HouseLine, 'sts' | 'stsPeer'>;
  readonly audit: AuditSink;
  readonly platform: Pick<ServicePlatform, 'clock' | 'log' | 'metrics' | 'openStore'>;
}): Promise<OpenAdmin> {
  const { policies, line, audit, platform } = options;
  const { clock, log } = platform;
  const { writer, reader } = await platform.openStore('admin', MIGRATIONS);
  const ownToken = (audience: string) => line.sts.ownToken(audience);
  const outbox = createStatusOutbox({
    database: writer,
    post: createPostStatus(line.stsPeer, ownToken),
    clock,
    log,
  });
  await restate(writer, outbox);
  const stopRecording = recordPolicies('admin', policies, audit, platform);
  const history = await openPolicyHistory({ policies, database: writer, outbox, audit, platform });
  return {
    policies,
    states: createServiceStates({ writer, reader, outbox, audit, clock }),
    history,
    revokeCertificate: createRevokeCertificate({ database: writer, outbox, audit, clock }),
    rotateServiceSecret: createRotateServiceSecret(line.stsPeer, ownToken),
    check: () => ({
      feed: outbox.state,
      policies:
        policies.lastProblem === undefined
          ? 'ok'
          : 'the policy files are not good, the last good ones are in force',
    }),
    async close() {
      stopRecording();
      history.stop();
      await outbox.stop();
    },
  };
}
