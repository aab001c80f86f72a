import type { ServiceRequest } from '@aduana/core/http/route';
import type { Secret } from '@aduana/core/secrets/secret';
import type { VerifiedToken } from '@aduana/core/tokens/access-token';
import type { CallerGateway } from './caller-gateway.ts';
import type { LoginMethod, SignedIn } from './session.ts';
import { sessionCookie } from './session-cookie.ts';
import type { SessionRecords } from './session-records.ts';
import type { SessionStore } from './session-store.ts';

/** Turns what somebody proved into a session. */
export interface Login {
  /**
   * Checks that the subject token can be exchanged, so that a login that is worth nothing fails at once.
   *
   * @param proofs of which none may be revoked, beside the gateway's token
   * @throws SecurityError `UNAUTHENTICATED`, `FORBIDDEN`, `STS_UNAVAILABLE`
   */
  prove(asked: {
    readonly method: LoginMethod;
    readonly subjectToken: Secret;
    readonly proofs: readonly VerifiedToken[];
    readonly expiresAt: number;
  }): Promise<SignedIn>;
  /**
   * Opens the session once its event is durable.
   *
   * @returns the `Set-Cookie` header
   * @throws SecurityError `AUDIT_UNAVAILABLE`
   */
  open(signedIn: SignedIn, request: ServiceRequest): Promise<string>;
}

export function createLogin(gateway: CallerGateway, sessions: SessionStore, records: SessionRecords): Login {
  return {
    async prove({ method, subjectToken, proofs, expiresAt }) {
      const { claims } = await gateway.tokenOf({ subjectToken });
      // Its signing key may be rotated while the session lasts: the next exchange brings another.
      const own: VerifiedToken = { claims, kid: '', scopes: new Set() };
      return { method, subjectToken, proofs: [own, ...proofs], expiresAt };
    },
    async open(signedIn, request) {
      const { session, cookie } = sessions.open(signedIn);
      try {
        await records.opened(session, request);
      } catch (error) {
        sessions.end(session, 'refused');
        throw error;
      }
      return sessionCookie(cookie, request.encrypted);
    },
  };
}
