import type { AuditSink } from '@aduana/core/audit/audit-sink';
import type { AuditLine } from '@aduana/core/client/audit-line';
import type { Engine } from '@aduana/core/iam/compile';
import type { ServicePlatform } from '@aduana/core/http/service-platform';
import { describeError, type Log } from '@aduana/core/platform/log';
import type { Secret } from '@aduana/core/secrets/secret';
import { createOwnToken } from './own-token.ts';
import { createTokenIssuer, type TokenIssuerOptions } from './token/token-issuer.ts';

/** Opens the line to the log with tokens that the STS signs itself. */
export type OpenAudit = (ownToken: (audience: string) => Promise<Secret>) => Promise<AuditLine>;

export interface OwnAuditOptions {
  readonly signing: Omit<TokenIssuerOptions, 'audit'>;
  readonly policies: () => Engine;
  readonly openAudit: OpenAudit;
  readonly platform: Pick<ServicePlatform, 'identity' | 'clock' | 'log'>;
}

/** The STS's line to the log; the events of its own tokens are recorded through it and not waited for. */
export async function openOwnAudit({
  signing,
  policies,
  openAudit,
  platform,
}: OwnAuditOptions): Promise<AuditLine> {
  const { identity, clock, log } = platform;
  let opened: (line: AuditLine) => void = () => undefined;
  const line = new Promise<AuditLine>((resolve) => (opened = resolve));
  const issue = createTokenIssuer({ ...signing, audit: unawaited(line, log) });
  const ownThumbprint = (): string => identity.current().thumbprint;
  const ownToken = createOwnToken({ issuer: signing.issuer, policies, issue, ownThumbprint, clock });
  const openedLine = await openAudit(ownToken);
  opened(openedLine);
  return openedLine;
}

function unawaited(line: Promise<AuditLine>, log: Log): AuditSink {
  return {
    record(record) {
      line
        .then(({ audit }) => audit.record(record))
        .catch((error: unknown) => {
          log.error('a token of the STS itself could not be recorded', { error: describeError(error) });
        });
      return Promise.resolve('');
    },
  };
}
