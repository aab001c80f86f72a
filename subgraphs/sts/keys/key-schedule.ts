import { ANONYMOUS } from '@aduana/client/audit/audit-event';
import { SecurityError } from '@aduana/core/errors/security-error';
import { every, type Repeating } from '@aduana/core/platform/every';
import { jitter } from '@aduana/core/platform/ids';
import { describeError } from '@aduana/core/platform/log';
import type { Platform } from '@aduana/core/platform/platform';
import { keyIn } from '@aduana/server-kit/tokens/key-set';
import type { KeyRing } from './key-ring.ts';
import type { KeyRotation, RotationOrder } from './key-rotation.ts';

const LONGEST_PAUSE_MS = 600_000;

/** Rotates the signing keys when the active one has signed for the interval; replicas that do so together are one step. */
export function scheduleKeyRotation(
  intervalMilliseconds: number,
  ring: Pick<KeyRing, 'keySet'>,
  rotate: (order: RotationOrder) => Promise<KeyRotation>,
  { clock, log }: Pick<Platform, 'clock' | 'log'>,
): Repeating {
  const pause = (): number => Math.min(LONGEST_PAUSE_MS, intervalMilliseconds / 10) * jitter(0.2);
  const check = async (): Promise<void> => {
    if (clock.now() < keyIn(ring.keySet(), 'ACTIVE').activatesAt + intervalMilliseconds) return;
    const { active } = await rotate({
      mode: 'SCHEDULED',
      reason: 'the rotation interval has passed',
      actor: { ...ANONYMOUS, sub: 'sts', client_id: 'sts' },
    });
    log.info('the signing key was rotated by schedule', { kid: active.kid });
  };
  return every(clock, pause, check, (error) => {
    if (error instanceof SecurityError && error.code === 'ROTATION_TOO_EARLY') return;
    log.error('the scheduled rotation of the signing key failed', { error: describeError(error) });
  });
}
