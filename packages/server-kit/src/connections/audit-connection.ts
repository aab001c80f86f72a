import { join } from 'node:path';
import { openAuditClient, type OpenAuditClient } from '@aduana/client/audit/open-audit-client';
import type { StsClient } from '@aduana/client/sts/sts-client';
import type { SecureClient } from '@aduana/core/mtls-client/secure-client';
import { auditUrl } from '../config/service-settings.ts';
import { ensureSecret } from '../secrets/ensure-secret.ts';
import type { SecretProvider } from '../secrets/secret-provider.ts';
import type { ServiceConnectionsOptions } from './service-connections.ts';

/** A service's connection to the audit log, with its spool on disk. */
export type AuditConnection = OpenAuditClient;

export interface AuditConnectionOptions extends ServiceConnectionsOptions {
  readonly platform: ServiceConnectionsOptions['platform'] & { readonly secrets: SecretProvider };
  /** Which of several processes of one replica it is; each has a spool and a source of its own. The first one is 1. */
  readonly worker?: number | undefined;
}

/** What the connection is made of: a whole `ServiceConnections`, or the STS's own parts. */
export interface AuditConnectionParts {
  readonly client: SecureClient;
  readonly sts: Pick<StsClient, 'ownToken'>;
}

/** Opens the connection as the settings say and records the start in the background: the log need not be there yet. */
export async function openAuditConnection(
  { client, sts }: AuditConnectionParts,
  { service, settings, platform, worker = 1 }: AuditConnectionOptions,
): Promise<AuditConnection> {
  const audit = {
    origin: new URL(auditUrl(settings)).origin,
    spiffeId: `spiffe://${settings.TRUST_DOMAIN}/audit`,
    failureCode: 'AUDIT_UNAVAILABLE',
  } as const;
  // The first one is what a single process is: its successor, of either kind, closes what it left behind.
  const suffix = worker === 1 ? '' : `.worker-${String(worker)}`;
  return openAuditClient({
    peer: client.peer(audit),
    token: () => sts.ownToken('audit'),
    instance: `${service}@${settings.INSTANCE}${suffix}`,
    spool:
      settings.SPOOL === 'off'
        ? 'off'
        : {
            folder: join(settings.ADUANA_HOME, 'spool', service + suffix),
            key: (await ensureSecret(platform.secrets, `spool-keys/${service}`)).revealBytes(),
            maxBytes: settings.AUDIT_SPOOL_MAX_BYTES,
            ...(settings.SPOOL === 'replicated'
              ? { copies: client.peer({ ...audit, maxConnections: 1 }) }
              : {}),
          },
    mode: settings.AUDIT_MODE,
    platform,
  });
}
