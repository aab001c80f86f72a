import { SecurityError } from '@aduana/core/errors/security-error';
import { randomSecret } from '@aduana/core/platform/ids';
import { secretVariable } from '../platform/secret-variable.ts';
import type { SecretProvider } from './secret-provider.ts';
import { Secret } from '@aduana/core/secrets/secret';

const PREFIX = 'client-secrets/';

/** The name under which providers keep a service's client secret. */
export function clientSecretName(service: string): string {
  return `${PREFIX}${service}`;
}

/** The variable that seeds a client secret; undefined for other secrets. */
export function clientSecretVariable(name: string): string | undefined {
  return name.startsWith(PREFIX) ? secretVariable(name.slice(PREFIX.length)) : undefined;
}

/** Gives a random client secret to each service that has none yet. */
export async function ensureClientSecrets(
  provider: SecretProvider,
  services: readonly string[],
): Promise<void> {
  for (const name of services.map(clientSecretName)) {
    if ((await provider.get(name)) !== undefined) continue;
    try {
      await provider.put(name, Secret.of(randomSecret()), 0);
    } catch (error) {
      const lostRace = error instanceof SecurityError && error.code === 'CONFLICT';
      if (!lostRace) throw error;
    }
  }
}
