import { z } from 'zod';
import type { CircuitBreakerSettings } from '../limits/circuit-breaker.ts';

/** How much one subgraph is asked at once, and when it is left alone. */
export interface SubgraphLoad {
  readonly circuitBreaker: CircuitBreakerSettings | 'off';
  /** Fetches under way, each on a connection of its own. */
  readonly maxConnections: number;
  /** Fetches that wait for a connection. */
  readonly maxWaiting: number;
}

/** Members of a subgraph's `aduana` block. */
export const LOAD_SETTINGS = {
  circuit_breaker: z
    .union(
      [
        z.literal('off'),
        z.strictObject({
          failures: z.int().min(1).max(10_000).default(10),
          open_ms: z.int().min(100).max(600_000).default(2_000),
        }),
      ],
      'is neither `off` nor { failures: 1..10000, open_ms: 100..600000 }',
    )
    .prefault({}),
  max_connections: z.int().min(1).max(10_000).default(128),
  max_waiting: z.int().min(0).max(100_000).default(2_048),
} as const;

const SETTINGS = z.object(LOAD_SETTINGS);

export function toSubgraphLoad(settings: z.output<typeof SETTINGS>): SubgraphLoad {
  const { circuit_breaker: breaker, max_connections: maxConnections, max_waiting: maxWaiting } = settings;
  const circuitBreaker =
    breaker === 'off' ? breaker : { failures: breaker.failures, openMs: breaker.open_ms };
  return { circuitBreaker, maxConnections, maxWaiting };
}

/** Of a subgraph that the configuration does not name. */
export const DEFAULT_LOAD: SubgraphLoad = toSubgraphLoad(SETTINGS.parse({}));
