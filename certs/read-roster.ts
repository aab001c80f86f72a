import { loadPolicies } from '@aduana/core/iam/load-policies';
import { HOUSE_ROSTER, type RosterEntry } from './house-roster.ts';

/**
 * The house's own services and whoever else `service_identities.yaml` registers, who may be called as well as call.
 *
 * @throws ConfigurationError with what is wrong in the policy files
 */
export async function readRoster(policiesFolder: string): Promise<readonly RosterEntry[]> {
  const { services } = await loadPolicies(policiesFolder);
  const known = new Set(HOUSE_ROSTER.map(({ service }) => service));
  const others = [...services.keys()].filter((service) => !known.has(service));
  return [...HOUSE_ROSTER, ...others.map((service) => ({ service, acceptsConnections: true }))];
}
