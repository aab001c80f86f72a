import { ANONYMOUS, type AuditActor } from '@aduana/client/audit/audit-event';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import { auditEvent } from '@aduana/client/audit/event-catalogue';
import type { ServiceRequest } from '@aduana/core/http/route';
import { describeError } from '@aduana/core/platform/log';
import type { Platform } from '@aduana/core/platform/platform';
import { openAnonymousFlood } from '@aduana/server-kit/audit/anonymous-flood';
import { auditTrace } from '@aduana/server-kit/http/audit-trace';
import type { Session, SessionEnd } from './session.ts';

/** What the console records: who signed in and out, and what it refused. */
export interface SessionRecords {
  /** Resolves once the event is durable: only then is the cookie given. */
  opened(session: Session, request: ServiceRequest): Promise<void>;
  closed(session: Session, why: SessionEnd): void;
  /**
   * Records a refused attempt; beyond the limit of a minute they are counted.
   *
   * @param known whose session was tried, where that is known
   */
  refused(reason: string, request: ServiceRequest, known?: KnownSession): Promise<void>;
  /** Records what was counted. */
  flush(): Promise<void>;
}

interface KnownSession {
  readonly id: string;
  readonly actor: AuditActor;
}

const REFUSALS_PER_MINUTE = 120;

export function createSessionRecords(
  audit: AuditSink,
  platform: Pick<Platform, 'clock' | 'log'>,
): SessionRecords {
  const { log } = platform;
  const flood = openAnonymousFlood(REFUSALS_PER_MINUTE, audit, platform);
  return {
    async opened({ id, actor, method, expiresAt }, { remoteAddress, trace }) {
      const expires = new Date(expiresAt).toISOString();
      await audit.record({
        ...auditEvent('session.open', {
          session: id,
          method,
          expires_at: expires,
          source_address: remoteAddress,
        }),
        outcome: 'ALLOWED',
        actor,
        trace: auditTrace(trace),
      });
    },
    closed({ id, actor }, why) {
      audit
        .record({
          ...auditEvent('session.close', { session: id, reason: why }),
          outcome: 'ALLOWED',
          actor,
        })
        .catch((error: unknown) => {
          log.error('the end of a session could not be recorded', { error: describeError(error) });
        });
    },
    async refused(reason, { remoteAddress, trace }, known) {
      if ((await flood.count(remoteAddress)) !== undefined) return;
      await audit.record({
        ...auditEvent('session.refuse', {
          reason,
          source_address: remoteAddress,
          ...(known === undefined ? {} : { session: known.id }),
        }),
        outcome: 'DENIED',
        actor: known?.actor ?? ANONYMOUS,
        trace: auditTrace(trace),
      });
    },
    flush: () => flood.flush(),
  };
}
