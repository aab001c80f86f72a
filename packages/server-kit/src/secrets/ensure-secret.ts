import { SecurityError } from '@aduana/core/errors/security-error';
import { random } from '@aduana/core/platform/ids';
import { Secret } from '@aduana/core/secrets/secret';
import type { SecretProvider } from './secret-provider.ts';

const BYTES = 32;

/** A random secret of 256 bits that is made once and then stays. */
export async function ensureSecret(secrets: SecretProvider, name: string): Promise<Secret> {
  const stored = await secrets.get(name);
  if (stored !== undefined) return stored.value;
  const made = Secret.of(random(BYTES));
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
