/** Who in the deployment has a certificate of its own. */
export interface RosterEntry {
  readonly service: string;
  /** False for who only calls: no server usage and no host names in its certificate. */
  readonly acceptsConnections: boolean;
}

export const BUILT_IN_ROSTER: readonly RosterEntry[] = [
  ...['gateway', 'sts', 'audit', 'admin', 'console', 'leads'].map((service) => ({
    service,
    acceptsConnections: true,
  })),
  ...['bff', 'actuator', 'operator', 'auditor'].map((service) => ({ service, acceptsConnections: false })),
];
