import { ANONYMOUS } from '@aduana/client/audit/audit-event';
import { SecurityError } from '@aduana/core/errors/security-error';
import { every, type Repeating } from '@aduana/core/platform/every';
import { jitter } from '@aduana/core/platform/ids';
import { describeError } from '@aduana/core/platform/log';
import type { Platform } from '@aduana/core/platform/platform';
import type { Database } from '@aduana/server-kit/store/database';
import type { RowSeals } from '@aduana/server-kit/seals/row-seals';
import { readSecrets } from './client-secret-store.ts';
import type { SecretRotation, SecretRotationOrder } from './rotate-client-secret.ts';

const LONGEST_PAUSE_MS = 600_000;
const LONGEST_GRACE_SECONDS = 3600;

/**
 * Rotates each client secret that has been current for the interval; the one before stays accepted for an hour, or for
 * half of a shorter interval. Replicas that do so together are one step.
 */
export function scheduleSecretRotation(
  intervalMilliseconds: number,
  database: Database,
  seals: RowSeals,
  rotate: (order: SecretRotationOrder) => Promise<SecretRotation>,
  { clock, log }: Pick<Platform, 'clock' | 'log'>,
): Repeating {
  const pause = (): number => Math.min(LONGEST_PAUSE_MS, intervalMilliseconds / 10) * jitter(0.2);
  const graceSeconds = Math.min(LONGEST_GRACE_SECONDS, Math.floor(intervalMilliseconds / 2000));

  async function rotateOne(service: string): Promise<void> {
    try {
      const { version } = await rotate({
        service,
        graceSeconds,
        reason: 'the rotation interval has passed',
        actor: { ...ANONYMOUS, sub: 'sts', client_id: 'sts' },
      });
      log.info('a client secret was rotated by schedule', { service, version });
    } catch (error) {
      if (error instanceof SecurityError && error.code === 'ROTATION_IN_GRACE') return;
      log.error('the scheduled rotation of a client secret failed', {
        service,
        error: describeError(error),
      });
    }
  }

  async function rotateDue(): Promise<void> {
    const now = clock.now();
    for (const { service, createdAt, acceptedUntil } of await readSecrets(database, seals))
      if (acceptedUntil === undefined && now >= createdAt + intervalMilliseconds) await rotateOne(service);
  }

  return every(clock, pause, rotateDue, (error) => {
    log.error('which client secrets are due cannot be read', { error: describeError(error) });
  });
}
