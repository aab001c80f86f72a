import type { SharedLimits } from '../limits/shared-limits.ts';

/** One of several processes that serve the same ports. */
export interface GatewayWorker {
  /** From 1; a successor has the number of the one that it replaces. */
  readonly number: number;
  /** How many there are. */
  readonly count: number;
  /** Others serve already: it joins them when it is ready. */
  readonly isReplacement: boolean;
  /** What the workers count together; undefined where Redis does. */
  readonly shared: SharedLimits | undefined;
}
