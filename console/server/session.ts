import type { AuditActor } from '@aduana/client/audit/audit-event';
import type { Secret } from '@aduana/core/secrets/secret';
import type { VerifiedToken } from '@aduana/core/tokens/access-token';

/** How somebody signed in. */
export type LoginMethod = 'link' | 'oidc';

/** Why a session is over. */
export type SessionEnd = 'logout' | 'expired' | 'idle' | 'revoked' | 'displaced' | 'refused' | 'stopped';

/** What a login has proved. */
export interface SignedIn {
  readonly method: LoginMethod;
  /** What is exchanged for a token of the gateway: never leaves the server. */
  readonly subjectToken: Secret;
  /** Tokens of which none may be revoked, the gateway's among them. */
  readonly proofs: readonly [VerifiedToken, ...VerifiedToken[]];
  /** Milliseconds since the epoch: when the subject token expires. */
  readonly expiresAt: number;
}

/** A signed-in browser; it holds a cookie alone. */
export interface Session extends SignedIn {
  /** For the audit log; opens nothing. */
  readonly id: string;
  readonly actor: AuditActor;
  readonly issuer: string;
  readonly subject: string;
  readonly idleEndsAt: number;
  /** Aborted when the session is over. */
  readonly ended: AbortSignal;
}
