import { compile } from '@aduana/server-kit/iam/compile';
import { loadPolicies } from '@aduana/server-kit/iam/load-policies';

/** Ids of the services that may authenticate with a client secret. */
export async function servicesWithSecrets(policiesFolder: string): Promise<readonly string[]> {
  const { services } = compile(await loadPolicies(policiesFolder));
  return [...services.values()]
    .filter(({ authentication }) => authentication.some((method) => method.startsWith('client_secret_')))
    .map(({ id }) => id);
}
