/** Who in the house has a certificate of its own. */
export interface RosterEntry {
  readonly service: string;
  /** False for who only calls: no server usage and no host names in its certificate. */
  readonly acceptsConnections: boolean;
}

export const HOUSE_ROSTER: readonly RosterEntry[] = [
  ...['gateway', 'sts', 'audit', 'admin', 'leads'].map((service) => ({ service, acceptsConnections: true })),
  ...['bff', 'actuator', 'operator', 'auditor'].map((service) => ({ service, acceptsConnections: false })),
];
