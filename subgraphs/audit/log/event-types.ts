import { findEventType } from '@aduana/client/audit/event-catalogue';

/** Of services of others: what they decide for themselves, which nobody can take for a decision of the deployment. */
const OF_OTHERS = /^(app|authorization)\../;

/** Whether a peer may write events of a type: no service can forge another's decisions. */
export function mayWrite(peer: string, type: string): boolean {
  const known = findEventType(type);
  if (known === undefined) return OF_OTHERS.test(type);
  return known.writers === 'any' || known.writers.includes(peer);
}
