import { auditEvent } from '@aduana/client/audit/event-catalogue';
import { ANONYMOUS } from '@aduana/client/audit/audit-event';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import type { ConnectionRefusal } from '@aduana/core/mtls/connection-refusal';
import type { Platform } from '@aduana/core/platform/platform';

const LIMIT_PER_MINUTE = 60;
const MINUTE_MS = 60_000;

/**
 * Records refused connections as `certificate.refuse`; beyond 60 a minute the next one recorded says how many were
 * not, so that nobody fills the log from outside.
 */
export function createRefusalRecorder(
  audit: AuditSink,
  { clock, log }: Pick<Platform, 'clock' | 'log'>,
): (refusal: ConnectionRefusal) => void {
  let minute = -1;
  let recorded = 0;
  let unrecorded = 0;
  return ({ reason, thumbprint, address }) => {
    const current = Math.floor(clock.now() / MINUTE_MS);
    if (current !== minute) {
      minute = current;
      recorded = 0;
    }
    if (recorded >= LIMIT_PER_MINUTE) {
      unrecorded += 1;
      return;
    }
    recorded += 1;
    const missed = unrecorded;
    unrecorded = 0;
    audit
      .record({
        ...auditEvent('certificate.refuse', {
          reason,
          source_address: address,
          ...(missed === 0 ? {} : { unrecorded_before: missed }),
        }),
        outcome: 'DENIED',
        actor: { ...ANONYMOUS, cert_thumbprint: thumbprint },
      })
      .catch((error: unknown) => {
        log.error('a refused connection could not be recorded', { error });
      });
  };
}
