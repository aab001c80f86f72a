import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import type { VaultClient } from './vault-client.ts';

export interface NeededCapabilities {
  readonly path: string;
  readonly of: readonly string[];
}

/**
 * Asks Vault what the deployment's token may do; where Vault does not say, the calls themselves will show it.
 *
 * @throws ConfigurationError with every path that the policy lacks
 */
export async function requireCapabilities(
  vault: VaultClient,
  needed: readonly NeededCapabilities[],
): Promise<void> {
  const paths = needed.map(({ path }) => path);
  const { status, body } = await vault.call('POST', 'sys/capabilities-self', { paths });
  if (status !== 200) return;
  const problems = needed.flatMap(({ path, of }) => {
    const granted = body.data?.[path];
    if (!Array.isArray(granted) || granted.includes('root')) return [];
    const missing = of.filter((capability) => !granted.includes(capability));
    if (missing.length === 0) return [];
    const remedy = `Add to its policy: path "${path}" { capabilities = ${JSON.stringify(of)} }`;
    return [{ subject: 'VAULT_ADDR', problem: `the token lacks ${missing.join(', ')} on ${path}`, remedy }];
  });
  if (problems.length > 0) throw new ConfigurationError(problems);
}
