import type { LogFields } from '@aduana/core/platform/log';
import type { Platform } from '@aduana/core/platform/platform';

const QUIET_MS = 60_000;

/** Logs that something is refused for want of capacity, once a minute at most and with how many there were. */
export function createOverloadLog(
  { clock, log }: Pick<Platform, 'clock' | 'log'>,
  message: string,
  fields: LogFields = {},
): () => void {
  let quietUntil = 0;
  let refused = 0;
  return () => {
    refused += 1;
    const now = clock.now();
    if (now < quietUntil) return;
    log.warn(message, { ...fields, refused });
    quietUntil = now + QUIET_MS;
    refused = 0;
  };
}
