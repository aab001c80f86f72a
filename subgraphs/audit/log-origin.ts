import type { SecretProvider } from '@aduana/server-kit/secrets/secret-provider';
import { originOf, readRecovery } from './checkpoints/epoch.ts';
import type { AuditSettings } from './config.ts';

/** The log's name in its checkpoints, in its present epoch. */
export async function logOrigin(
  { AUDIT_ORIGIN: origin, TRUST_DOMAIN: trustDomain }: Pick<AuditSettings, 'AUDIT_ORIGIN' | 'TRUST_DOMAIN'>,
  secrets: SecretProvider,
): Promise<string> {
  return originOf(origin ?? `${trustDomain}/audit`, (await readRecovery(secrets))?.epoch ?? 1);
}
