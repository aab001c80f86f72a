import type { DeploymentClient } from './deployment-client.ts';

/** The services as which the checks ask. */
export type Callers = Readonly<Record<'bff' | 'operator' | 'auditor', DeploymentClient>>;

export interface HandshakeCheck {
  /** The guarantee, in a few words. */
  readonly name: string;
  /** @returns what was seen; a throw is a failure */
  run(callers: Callers): Promise<string>;
}
