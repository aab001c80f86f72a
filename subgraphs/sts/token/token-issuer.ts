import { auditEvent } from '@aduana/client/audit/event-catalogue';
import { auditTrace } from '@aduana/server-kit/http/audit-trace';
import type { ServiceRequest } from '@aduana/core/http/route';
import { actorOfToken } from '@aduana/server-kit/http/token-actor';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import { type Clock, epochSeconds } from '@aduana/core/platform/clock';
import { uuidv7 } from '@aduana/core/platform/ids';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import { signAccessToken } from '@aduana/server-kit/tokens/sign-access-token';
import type { KeyRing } from '../keys/key-ring.ts';
import type { TokenRegister } from './token-register.ts';

/** Everything that a token says beside what the issuer adds; an absent `root_jti` makes it a root. */
export type TokenGrant = Omit<AccessTokenClaims, 'iss' | 'jti' | 'iat' | 'root_jti' | 'nbf'> & {
  readonly root_jti?: string;
};

export interface IssuedToken {
  readonly token: string;
  readonly claims: AccessTokenClaims;
}

export interface TokenIssuerOptions {
  readonly issuer: string;
  readonly ring: Pick<KeyRing, 'signer'>;
  readonly register: TokenRegister;
  readonly audit: AuditSink;
  readonly clock: Clock;
}

/** Signs a token, and resolves once its record and its audit event are durable. */
export type IssueToken = (
  type: 'token.issue' | 'token.exchange',
  grant: TokenGrant,
  request: Pick<ServiceRequest, 'trace' | 'peer'> | undefined,
) => Promise<IssuedToken>;

export function createTokenIssuer({ issuer, ring, register, audit, clock }: TokenIssuerOptions): IssueToken {
  return async (type, grant, request) => {
    const signer = ring.signer();
    const jti = uuidv7(clock.now());
    const iat = epochSeconds(clock);
    const claims: AccessTokenClaims = { iss: issuer, root_jti: jti, root_iat: iat, ...grant, jti, iat };
    const [token] = await Promise.all([
      signAccessToken(claims, signer),
      register.add(claims),
      audit.record(
        {
          ...auditEvent(type, {
            jti,
            root_jti: claims.root_jti,
            kid: signer.kid,
            audience: claims.aud,
            scope: claims.scope,
            expires_at: claims.exp,
            ...(request === undefined ? {} : { shown_certificate: request.peer?.thumbprint ?? null }),
            ...(claims.policies === undefined ? {} : { policies: claims.policies }),
            ...(claims.join === undefined ? {} : { join: claims.join }),
          }),
          outcome: 'ALLOWED',
          actor: actorOfToken(claims),
          ...(request === undefined ? {} : { trace: auditTrace(request.trace) }),
        },
        request?.trace,
      ),
    ]);
    return { token, claims };
  };
}
