import type { CommandContext } from './command-context.ts';
import type { HouseClient } from './house-client.ts';

/** Where keys and secrets are rotated, by whom, and why. */
export interface RotationWorld {
  readonly operator: HouseClient;
  readonly context: CommandContext;
  /** Services that have a client secret. */
  readonly secretHolders: readonly string[];
  readonly reason: string;
}
