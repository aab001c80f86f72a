import type { CommandContext } from './command-context.ts';
import type { DeploymentClient } from './deployment-client.ts';

/** Where keys and secrets are rotated, by whom, and why. */
export interface RotationWorld {
  readonly operator: DeploymentClient;
  readonly context: CommandContext;
  /** Services that have a client secret. */
  readonly secretHolders: readonly string[];
  readonly reason: string;
}
