import type { AuditSink } from '@aduana/client/audit/audit-sink';
import { recordPolicies } from '@aduana/server-kit/audit/record-policies';
import type { ServiceConnections } from '@aduana/server-kit/connections/service-connections';
import type { ServicePlatform } from '@aduana/server-kit/http/service-platform';
import type { LivePolicies } from '@aduana/server-kit/iam/live-policies';
import { createStoreCheck } from '@aduana/server-kit/store/store-check';
import { createRevokeCertificate, type RevokeCertificate } from './certificate-revocations.ts';
import { MIGRATIONS } from './migrations.ts';
import { openPolicyHistory, type PolicyHistory } from './policy-history.ts';
import { listCertificates } from './list-certificates.ts';
import { createPolicyVersions, type PolicyVersions } from './policy-versions.ts';
import { openRowSeals } from './open-row-seals.ts';
import { createPostStatus } from './post-status.ts';
import { createRotateServiceSecret, type RotateServiceSecret } from './rotate-service-secret.ts';
import { createServiceStates, type ServiceStates } from './service-states.ts';
import { createStatusOutbox, restate } from './status-outbox.ts';
import { createRevokeSubject, type RevokeSubject } from './subject-revocations.ts';

/** The parts of the admin service, put together. */
export interface OpenAdmin {
  readonly policies: LivePolicies;
  readonly states: ServiceStates;
  readonly history: PolicyHistory;
  readonly versions: PolicyVersions;
  readonly certificates: () => ReturnType<typeof listCertificates>;
  readonly revokeCertificate: RevokeCertificate;
  readonly revokeSubject: RevokeSubject;
  readonly rotateServiceSecret: RotateServiceSecret;
  /** `ok`, or what is wrong. */
  check(): Promise<Readonly<Record<string, string>>>;
  close(): Promise<void>;
}

export async function openAdmin(options: {
  readonly policies: LivePolicies;
  readonly connections: Pick<ServiceConnections, 'sts' | 'stsPeer'>;
  readonly audit: AuditSink;
  /** Where the certificates of the services are. */
  readonly certsDir: string;
  readonly platform: Pick<ServicePlatform, 'clock' | 'log' | 'metrics' | 'openStore' | 'secrets'>;
}): Promise<OpenAdmin> {
  const { policies, connections, audit, platform } = options;
  const { clock, log } = platform;
  const { writer, reader } = await platform.openStore('admin', MIGRATIONS);
  const checkStore = createStoreCheck(writer, clock);
  const ownToken = (audience: string) => connections.sts.ownToken(audience);
  const { seals, stop: stopSharing } = await openRowSeals(writer, platform);
  seals.forged.recordWith(audit);
  const outbox = createStatusOutbox({
    database: writer,
    post: createPostStatus(connections.stsPeer, ownToken),
    seals,
    clock,
    log,
  });
  await restate(writer, outbox, seals, clock);
  const stopRecording = recordPolicies('admin', policies, audit, platform);
  const history = await openPolicyHistory({ policies, database: writer, outbox, audit, platform });
  return {
    policies,
    states: createServiceStates({ writer, reader, outbox, seals, audit, clock }),
    history,
    versions: createPolicyVersions({ reader, policies, now: () => clock.now() }),
    certificates: () => listCertificates(options.certsDir, reader, seals, clock.now()),
    revokeCertificate: createRevokeCertificate({ database: writer, outbox, seals, audit, clock }),
    revokeSubject: createRevokeSubject({ database: writer, outbox, seals, audit, clock }),
    rotateServiceSecret: createRotateServiceSecret(connections.stsPeer, ownToken),
    check: async () => ({
      database: await checkStore(),
      store: seals.forged.state,
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
      await stopSharing();
    },
  };
}
