import { createNoteSigner, type NoteSigner } from '@aduana/core/audit/checkpoint';
import { SecurityError } from '@aduana/core/errors/security-error';
import { random } from '@aduana/core/platform/ids';
import { Secret } from '@aduana/core/secrets/secret';
import type { SecretProvider } from '@aduana/core/secrets/secret-provider';

const NAME = 'audit/checkpoint-key';

/** The log's signer under its origin; the first replica to start makes the key. */
export async function loadCheckpointKey(secrets: SecretProvider, origin: string): Promise<NoteSigner> {
  return createNoteSigner(origin, (await ensureSecret(secrets, NAME)).revealBytes());
}

/** A random secret of 256 bits that is made once and then stays. */
export async function ensureSecret(secrets: SecretProvider, name: string): Promise<Secret> {
  const stored = await secrets.get(name);
  if (stored !== undefined) return stored.value;
  const made = Secret.of(random(32));
  try {
    await secrets.put(name, made, 0);
    return made;
  } catch (error) {
    const other =
      error instanceof SecurityError && error.code === 'CONFLICT' ? await secrets.get(name) : undefined;
    if (other === undefined) throw error;
    return other.value;
  }
}
