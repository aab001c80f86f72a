import type { Platform } from '@aduana/core/platform/platform';
import { keyStateAt } from '@aduana/server-kit/tokens/key-set';
import type { KeyRing } from './key-ring.ts';

/** Shows how old the signing keys are by their state, and how old the active one may become. */
export function showSigningKeys(
  ring: Pick<KeyRing, 'keySet'>,
  rotationInterval: number | 'off',
  { clock, metrics }: Pick<Platform, 'clock' | 'metrics'>,
): void {
  metrics.gauge('aduana_signing_key_age_seconds', (gauge) => {
    gauge.reset();
    const now = clock.now();
    const ages = new Map<string, number>();
    for (const key of ring.keySet().keys) {
      const state = keyStateAt(key, now);
      if (state === 'RETIRED' || state === 'REVOKED') continue;
      const since = state === 'PENDING' ? key.createdAt : key.activatesAt;
      const age = Math.max(0, now - since) / 1000;
      ages.set(state, Math.max(ages.get(state) ?? 0, age));
    }
    for (const [state, age] of ages) gauge.set({ state: state.toLowerCase() }, age);
  });
  metrics.gauge('aduana_signing_key_rotation_interval_seconds', (gauge) => {
    gauge.set(rotationInterval === 'off' ? 0 : rotationInterval / 1000);
  });
}
