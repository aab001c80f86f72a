import { createRedisSpentIds } from '@aduana/core/bus/redis-spent-ids';
import type { SpentIds } from '@aduana/core/bus/spent-ids';
import type { Platform } from '@aduana/core/platform/platform';
import { createSpentProofs } from '@aduana/core/tokens/spent-proofs';
import type { GatewaySettings } from '../config.ts';

const KEY_PREFIX = 'aduana:proof:';

/** The DPoP proofs that were used at this gateway: at all of its replicas where Redis is shared. */
export function createProofMemory(
  { REDIS_URL: url }: Pick<GatewaySettings, 'REDIS_URL'>,
  { clock, log }: Pick<Platform, 'clock' | 'log'>,
): SpentIds {
  const own = createSpentProofs(clock);
  return url === undefined
    ? { spend: own, state: 'ok', close: () => Promise.resolve() }
    : createRedisSpentIds({ url, prefix: KEY_PREFIX, own, clock, log });
}
