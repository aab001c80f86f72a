import type { AuditActor } from '@aduana/client/audit/audit-event';
import { createBoundedCache } from '@aduana/core/platform/bounded-cache';
import type { Clock } from '@aduana/core/platform/clock';
import { sha256Base64url } from '@aduana/core/platform/digest';
import { randomSecret, uuidv7 } from '@aduana/core/platform/ids';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import { type TokenStatus, refusedByStatus } from '@aduana/core/tokens/verify-access-token';
import { actorOfToken } from '@aduana/server-kit/http/token-actor';
import type { Session, SessionEnd, SignedIn } from './session.ts';

/** The sessions of this process, each found by its cookie alone. */
export interface SessionStore {
  /** @returns the session, and the cookie's value, which is kept nowhere */
  open(signedIn: SignedIn): { readonly session: Session; readonly cookie: string };
  /**
   * The session of a cookie.
   *
   * @param isUse whether its idle time begins anew
   */
  find(cookie: string, isUse: boolean): Session | undefined;
  /** Whose session a cookie was that opens nothing any more; undefined where it is not known. */
  findEnded(cookie: string): EndedSession | undefined;
  end(session: Session, why: SessionEnd): void;
  /** Ends every session of a subject. */
  endSubject(issuer: string, subject: string, why: SessionEnd): void;
  /** Ends what has expired or been revoked. */
  sweep(): void;
  endAll(why: SessionEnd): void;
}

export interface EndedSession {
  readonly id: string;
  readonly actor: AuditActor;
}

export interface SessionStoreOptions {
  readonly clock: Clock;
  readonly status: TokenStatus;
  readonly idleMilliseconds: number;
  readonly limitMilliseconds: number;
  readonly onEnd: (session: Session, why: SessionEnd) => void;
}

interface Kept {
  session: Session;
  readonly key: string;
  readonly abort: AbortController;
}

const MOST_SESSIONS = 1_000;
const MOST_OF_ONE_SUBJECT = 20;
const MOST_ENDED = 2_000;
const ENDED_KEPT_MS = 86_400_000;

/** Keeps sessions under a hash of their cookie, so that nothing that is read here opens one. */
export function createSessionStore(options: SessionStoreOptions): SessionStore {
  const { clock, idleMilliseconds } = options;
  const sessions = new Map<string, Kept>();
  const ended = createBoundedCache<EndedSession>(clock, MOST_ENDED);

  function close(kept: Kept, why: SessionEnd): void {
    if (!sessions.delete(kept.key)) return;
    const { session } = kept;
    ended.set(kept.key, { id: session.id, actor: session.actor }, clock.now() + ENDED_KEPT_MS);
    kept.abort.abort();
    options.onEnd(session, why);
  }

  return {
    open(signedIn) {
      const { claims } = signedIn.proofs[0];
      const displaced = displacedBy(claims, sessions);
      if (displaced !== undefined) close(displaced, 'displaced');
      const abort = new AbortController();
      const cookie = randomSecret();
      const key = sha256Base64url(cookie);
      const session = begin(signedIn, abort.signal, options);
      sessions.set(key, { session, key, abort });
      return { session, cookie };
    },
    find(cookie, isUse) {
      const kept = sessions.get(sha256Base64url(cookie));
      if (kept === undefined) return undefined;
      const why = endOf(kept.session, options);
      if (why !== undefined) {
        close(kept, why);
        return undefined;
      }
      if (isUse) kept.session = { ...kept.session, idleEndsAt: clock.now() + idleMilliseconds };
      return kept.session;
    },
    findEnded: (cookie) => ended.get(sha256Base64url(cookie)),
    end({ id }, why) {
      for (const kept of sessions.values()) if (kept.session.id === id) close(kept, why);
    },
    endSubject(issuer, subject, why) {
      for (const kept of [...sessions.values()]) if (isOf(kept, issuer, subject)) close(kept, why);
    },
    sweep() {
      for (const kept of [...sessions.values()]) {
        const why = endOf(kept.session, options);
        if (why !== undefined) close(kept, why);
      }
    },
    endAll(why) {
      for (const kept of [...sessions.values()]) close(kept, why);
    },
  };
}

function begin(
  signedIn: SignedIn,
  ended: AbortSignal,
  { clock, idleMilliseconds, limitMilliseconds }: SessionStoreOptions,
): Session {
  const { claims } = signedIn.proofs[0];
  const now = clock.now();
  return {
    ...signedIn,
    id: uuidv7(now),
    actor: actorOfToken(claims),
    issuer: claims.sub_iss,
    subject: claims.sub,
    expiresAt: Math.min(signedIn.expiresAt, now + limitMilliseconds),
    idleEndsAt: now + idleMilliseconds,
    ended,
  };
}

/** The session that has to go for a new one: the subject's oldest where it has too many, else the oldest of all. */
function displacedBy(
  { sub, sub_iss: issuer }: AccessTokenClaims,
  sessions: ReadonlyMap<string, Kept>,
): Kept | undefined {
  const own = [...sessions.values()].filter((kept) => isOf(kept, issuer, sub));
  if (own.length >= MOST_OF_ONE_SUBJECT) return own[0];
  return sessions.size >= MOST_SESSIONS ? [...sessions.values()][0] : undefined;
}

function isOf({ session }: Kept, issuer: string, subject: string): boolean {
  return session.issuer === issuer && session.subject === subject;
}

/** Why a session may not go on; undefined while it may. */
function endOf(session: Session, { clock, status }: SessionStoreOptions): SessionEnd | undefined {
  const now = clock.now();
  if (now >= session.expiresAt) return 'expired';
  if (now >= session.idleEndsAt) return 'idle';
  return session.proofs.some((proof) => refusedByStatus(proof, status) !== undefined) ? 'revoked' : undefined;
}
