import { every, type Repeating } from '@aduana/core/platform/every';
import { jitter } from '@aduana/core/platform/ids';
import { describeError, type Log } from '@aduana/core/platform/log';
import { ensureCertificates, type EnsureOptions } from './ensure-certificates.ts';

const PAUSE_MILLISECONDS = 600_000;

export interface KeepFreshOptions extends EnsureOptions {
  readonly log: Log;
}

/**
 * Reissues certificates when they are due, as long as the process runs: at 52 % to 64 % of their life, so that an
 * issuer may be away for the rest of it.
 */
export function keepCertificatesFresh(options: KeepFreshOptions): Repeating {
  const { clock, log } = options;
  return every(
    clock,
    () => PAUSE_MILLISECONDS * jitter(0.1),
    async () => {
      const { issued } = await ensureCertificates(options);
      if (issued.length > 0) log.info('certificates were reissued', { services: issued });
    },
    (error) => {
      log.error('certificates that are due cannot be reissued', { error: describeError(error) });
    },
  );
}
