import { SecurityError } from '@aduana/core/errors/security-error';
import type { ServiceRequest } from '@aduana/core/http/route';
import type { Session } from './session.ts';
import { readCookie } from './session-cookie.ts';
import type { SessionRecords } from './session-records.ts';
import type { SessionStore } from './session-store.ts';

/**
 * The session of a request.
 *
 * @param isUse whether the session's idle time begins anew; default: it does
 * @throws SecurityError `UNAUTHENTICATED`; `STATUS_UNAVAILABLE` where it cannot be known what is revoked
 */
export type RequireSession = (request: ServiceRequest, isUse?: boolean) => Promise<Session>;

/** A cookie that opens nothing is recorded, with the session that it once opened where that is known. */
export function createRequireSession(
  sessions: SessionStore,
  status: { assertFresh(): void },
  records: SessionRecords,
): RequireSession {
  return async (request, isUse = true) => {
    status.assertFresh();
    const cookie = readCookie(request, 'session');
    if (cookie === undefined) throw new SecurityError('UNAUTHENTICATED', { detail: 'no session' });
    const session = sessions.find(cookie, isUse);
    if (session !== undefined) return session;
    const ended = sessions.findEnded(cookie);
    const reason = ended === undefined ? 'a cookie of no session' : 'a session that has ended';
    await records.refused(reason, request, ended);
    throw new SecurityError('UNAUTHENTICATED', { detail: reason });
  };
}
