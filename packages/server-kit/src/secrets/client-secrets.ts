import { SecurityError } from '../errors/security-error.ts';
import { randomSecret } from '../platform/ids.ts';
import type { SecretProvider } from './secret-provider.ts';
import { Secret } from './secret.ts';

const PREFIX = 'client-secrets/';

/** The name under which providers keep a service's client secret. */
export function clientSecretName(service: string): string {
  return `${PREFIX}${service}`;
}

/** The variable that seeds a client secret, `MY_SERVICE_CLIENT_SECRET` for `my-service`; undefined for other secrets. */
export function clientSecretVariable(name: string): string | undefined {
  if (!name.startsWith(PREFIX)) return undefined;
  return `${name
    .slice(PREFIX.length)
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, '_')}_CLIENT_SECRET`;
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
