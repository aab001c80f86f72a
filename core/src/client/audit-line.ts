import { join } from 'node:path';
import { openSpool } from '../audit/spool.ts';
import { auditUrl } from '../config/house-settings.ts';
import { SecurityError } from '../errors/security-error.ts';
import { random } from '../platform/ids.ts';
import { describeError } from '../platform/log.ts';
import { Secret } from '../secrets/secret.ts';
import type { SecretProvider } from '../secrets/secret-provider.ts';
import { type AuditClient, createAuditClient } from './audit-client.ts';
import type { HouseLineOptions } from './house-line.ts';
import type { SecureClient } from './secure-client.ts';
import type { StsClient } from './sts-client.ts';

/** A service's line to the audit log, with its spool on disk. */
export interface AuditLine {
  readonly audit: AuditClient;
  /** Records the stop, sends what it can, leaves the rest in the spool. */
  close(): Promise<void>;
}

export interface AuditLineOptions extends HouseLineOptions {
  readonly platform: HouseLineOptions['platform'] & { readonly secrets: SecretProvider };
}

/** What the line is made of: a whole `HouseLine`, or the STS's own parts. */
export interface AuditLineParts {
  readonly client: SecureClient;
  readonly sts: Pick<StsClient, 'ownToken'>;
}

const CALL_TIMEOUT_MS = 3_000;
const ANSWER_BYTES = 262_144;

/** Opens the line and records the start in the background: the log need not be there yet. */
export async function openAuditLine(line: AuditLineParts, options: AuditLineOptions): Promise<AuditLine> {
  const { service, settings, platform } = options;
  const { log, secrets } = platform;
  const peer = line.client.peer({
    origin: new URL(auditUrl(settings)).origin,
    spiffeId: `spiffe://${settings.TRUST_DOMAIN}/audit`,
    failureCode: 'AUDIT_UNAVAILABLE',
  });
  const spool = await openSpool({
    folder: join(settings.ADUANA_HOME, 'spool', service),
    key: await spoolKey(secrets, service),
    maxBytes: settings.AUDIT_SPOOL_MAX_BYTES,
    log,
  });
  const audit = createAuditClient({
    instance: `${service}@${settings.INSTANCE}`,
    spool,
    mode: settings.AUDIT_MODE,
    platform,
    async post(body, signal) {
      const token = await line.sts.ownToken('audit');
      const answer = await peer.request({
        method: 'POST',
        path: '/audit/events',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token.reveal()}` },
        body,
        timeoutMilliseconds: CALL_TIMEOUT_MS,
        maxResponseBytes: ANSWER_BYTES,
        signal,
      });
      if (answer.status >= 300) throw refusal(answer.status, answer.body);
    },
  });

  audit.start().catch((error: unknown) => {
    log.error('the start of this service could not be recorded', { error: describeError(error) });
  });
  return {
    audit,
    async close() {
      await audit.stop();
      await spool.close();
    },
  };
}

/** 400, 409, 413, 415 and 422 condemn what was sent; all else is worth another try. */
function refusal(status: number, body: Buffer): SecurityError {
  const detail = `the audit log answered ${String(status)}: ${body.toString('utf8').slice(0, 200)}`;
  if (status === 409) return new SecurityError('AUDIT_CONFLICT', { detail });
  if (status === 413) return new SecurityError('PAYLOAD_TOO_LARGE', { detail });
  if (status === 415) return new SecurityError('UNSUPPORTED_MEDIA_TYPE', { detail });
  return new SecurityError(status === 400 || status === 422 ? 'BAD_REQUEST' : 'AUDIT_UNAVAILABLE', {
    detail,
  });
}

/** The key of this service's spool, made when it is first wanted. */
async function spoolKey(secrets: SecretProvider, service: string): Promise<Uint8Array> {
  const name = `spool-keys/${service}`;
  const stored = await secrets.get(name);
  if (stored !== undefined) return stored.value.revealBytes();
  const made = Secret.of(random(32));
  try {
    await secrets.put(name, made, 0);
    return made.revealBytes();
  } catch (error) {
    const other = await secrets.get(name);
    if (other === undefined) throw error;
    return other.value.revealBytes();
  }
}
