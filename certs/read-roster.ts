import { loadPolicies } from '@aduana/server-kit/iam/load-policies';
import { BUILT_IN_ROSTER, type RosterEntry } from './built-in-roster.ts';

/**
 * The deployment's own services and whoever else `service_identities.yaml` registers, who may be called as well as call.
 *
 * @throws ConfigurationError with what is wrong in the policy files
 */
export async function readRoster(policiesFolder: string): Promise<readonly RosterEntry[]> {
  const { services } = await loadPolicies(policiesFolder);
  const known = new Set(BUILT_IN_ROSTER.map(({ service }) => service));
  const others = [...services.keys()].filter((service) => !known.has(service));
  return [...BUILT_IN_ROSTER, ...others.map((service) => ({ service, acceptsConnections: true }))];
}
