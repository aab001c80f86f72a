import { auditUrl } from '@aduana/server-kit/config/service-settings';
import { SecurityError } from '@aduana/core/errors/security-error';
import { createSecretProvider } from '@aduana/server-kit/secrets/create-secret-provider';
import { rotateCheckpointKey } from '../subgraphs/audit/checkpoints/checkpoint-key.ts';
import { CommandFailure } from './command-context.ts';
import type { DeploymentClient } from './deployment-client.ts';
import type { RotationWorld } from './rotation-world.ts';

/** The running log watches the secret provider: its poll, and some more. */
const FOLLOW_MILLISECONDS = 15_000;
const POLL_MILLISECONDS = 500;
const FINISH = 'give it to the auditors, then run `aduana audit rotate-key --finish`';

/** Adds a key that signs checkpoints beside the present one, and waits until the running log signs with both. */
export async function addCheckpointKey({
  operator,
  context,
}: RotationWorld): Promise<string | { readonly left: string }> {
  const { clock } = context;
  const before = await readVkey(operator);
  const secrets = await createSecretProvider({ settings: operator.settings, ...context });
  try {
    await rotateCheckpointKey(secrets);
  } catch (error) {
    if (!(error instanceof SecurityError) || error.code !== 'ROTATION_IN_GRACE') throw error;
    return {
      left: `the last rotation is not finished: two keys sign, and the newer is ${before}; ${FINISH}`,
    };
  } finally {
    await secrets.close();
  }
  const deadline = clock.monotonic() + FOLLOW_MILLISECONDS;
  while (clock.monotonic() < deadline) {
    const vkey = await readVkey(operator);
    if (vkey !== before) return `the new key signs together with the old one: ${vkey}; ${FINISH}`;
    await clock.sleep(POLL_MILLISECONDS);
  }
  throw new CommandFailure(
    1,
    'The new key is stored, but the audit service does not use it yet\n  -> Look at /health of the audit service and at its log',
  );
}

async function readVkey({ client, settings }: DeploymentClient): Promise<string> {
  const audit = client.peer({
    origin: auditUrl(settings),
    spiffeId: `spiffe://${settings.TRUST_DOMAIN}/audit`,
    failureCode: 'AUDIT_UNAVAILABLE',
  });
  const { status, body } = await audit.request({
    method: 'GET',
    path: '/audit/vkey',
    timeoutMilliseconds: 5000,
    maxResponseBytes: 4096,
  });
  if (status !== 200)
    throw new CommandFailure(1, `The audit service answered /audit/vkey with HTTP ${String(status)}`);
  return body.toString().trim();
}
