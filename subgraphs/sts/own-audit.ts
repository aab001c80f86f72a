import type { AuditSink } from '@aduana/client/audit/audit-sink';
import type { AuditConnection } from '@aduana/server-kit/connections/audit-connection';
import type { Engine } from '@aduana/server-kit/iam/compile';
import type { ServicePlatform } from '@aduana/server-kit/http/service-platform';
import { uuidv7 } from '@aduana/core/platform/ids';
import { describeError } from '@aduana/core/platform/log';
import type { StatusView } from '@aduana/core/status/status-entry';
import type { Secret } from '@aduana/core/secrets/secret';
import { createOwnToken } from './own-token.ts';
import { createTokenIssuer, type TokenIssuerOptions } from './token/token-issuer.ts';

/** Opens the line to the log with tokens that the STS signs itself. */
export type OpenAudit = (ownToken: (audience: string) => Promise<Secret>) => Promise<AuditConnection>;

export interface OwnAuditOptions {
  readonly signing: Omit<TokenIssuerOptions, 'audit'>;
  readonly policies: () => Engine;
  readonly status: Pick<StatusView, 'isSubjectRevoked'>;
  readonly openAudit: OpenAudit;
  readonly platform: Pick<ServicePlatform, 'identity' | 'clock' | 'log'>;
}

/** The STS's line to the log; the events of its own tokens are recorded through it and not waited for. */
export async function openOwnAudit({
  signing,
  policies,
  status,
  openAudit,
  platform,
}: OwnAuditOptions): Promise<AuditConnection> {
  const { identity, clock } = platform;
  let opened: (line: AuditConnection) => void = () => undefined;
  const line = new Promise<AuditConnection>((resolve) => (opened = resolve));
  const issue = createTokenIssuer({ ...signing, audit: unawaited(line, platform) });
  const ownThumbprint = (): string => identity.current().thumbprint;
  const ownToken = createOwnToken({ issuer: signing.issuer, policies, issue, ownThumbprint, status, clock });
  const openedConnection = await openAudit(ownToken);
  opened(openedConnection);
  return openedConnection;
}

function unawaited(
  line: Promise<AuditConnection>,
  { clock, log }: Pick<ServicePlatform, 'clock' | 'log'>,
): AuditSink {
  return {
    record(record) {
      const { id = uuidv7(clock.now()) } = record;
      line
        .then(({ audit }) => audit.record({ ...record, id }))
        .catch((error: unknown) => {
          log.error('a token of the STS itself could not be recorded', { error: describeError(error) });
        });
      return Promise.resolve(id);
    },
  };
}
