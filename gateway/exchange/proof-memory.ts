import type { SpentIds } from '@aduana/server-kit/bus/spent-ids';
import type { Platform } from '@aduana/core/platform/platform';
import { createSpentProofs } from '@aduana/core/tokens/spent-proofs';
import type { GatewaySettings } from '../config.ts';

const KEY_PREFIX = 'aduana:proof:';

/** The DPoP proofs that were used at this gateway: at all of its replicas where Redis is shared. */
export async function createProofMemory(
  { REDIS_URL: url }: Pick<GatewaySettings, 'REDIS_URL'>,
  { clock, log }: Pick<Platform, 'clock' | 'log'>,
): Promise<SpentIds> {
  const own = createSpentProofs(clock);
  if (url === undefined) return { spend: own, state: 'ok', close: () => Promise.resolve() };
  const { createRedisSpentIds } = await import('@aduana/server-kit/bus/redis-spent-ids');
  return createRedisSpentIds({ url, prefix: KEY_PREFIX, own, clock, log });
}
