import { auditTrace } from '@aduana/server-kit/http/audit-trace';
import { actorOfToken } from '@aduana/server-kit/http/token-actor';
import type { VerifiedToken } from '@aduana/core/tokens/access-token';
import { actorsOf } from '@aduana/core/tokens/parse-access-token-claims';
import type { SubgraphContext } from '../subgraph-route.ts';
import { type KeyRotation, type RotationOrder, showKey } from './keys/key-rotation.ts';
import type { KeyRing } from './keys/key-ring.ts';
import type { Revocation, RevocationOrder } from './token/revoke-token.ts';
import type { StoredSecret } from './clients/client-secret-store.ts';
import type { TokenRegister } from './token/token-register.ts';

export interface ResolverOptions {
  readonly ring: Pick<KeyRing, 'keySet'>;
  readonly register: TokenRegister;
  readonly rotate: (order: RotationOrder) => Promise<KeyRotation>;
  readonly revoke: (order: RevocationOrder) => Promise<Revocation>;
  /** The versions of client secrets that the STS wrote itself, of each service the newest first. */
  readonly listSecrets: () => Promise<readonly StoredSecret[]>;
  readonly now: () => number;
}

interface RotateArguments extends Pick<RotationOrder, 'mode' | 'reason'> {
  readonly kid?: string | null;
  readonly idempotencyKey?: string | null;
}

const MOST_KEYS_SHOWN = 200;
const MOST_SUBJECTS_SHOWN = 200;

/** What the schema of the STS resolves to; the guard in front of it has checked the scopes. */
export function createResolvers({ ring, register, rotate, revoke, listSecrets, now }: ResolverOptions) {
  return {
    Query: {
      whoami: (_parent: unknown, _arguments: unknown, { token }: SubgraphContext) =>
        describePrincipal(token, register),
      clientSecrets: async () => (await listSecrets()).map(showSecret),
      activeSubjects: (_parent: unknown, { first }: { readonly first: number }) =>
        register.listActive(now(), Math.min(Math.max(0, first), MOST_SUBJECTS_SHOWN)),
      signingKeys: () =>
        [...ring.keySet().keys]
          .sort((a, b) => b.createdAt - a.createdAt)
          .slice(0, MOST_KEYS_SHOWN)
          .map((key) => showKey(key, now())),
    },
    Mutation: {
      rotateSigningKeys(_parent: unknown, asked: RotateArguments, { token, trace }: SubgraphContext) {
        const { mode, reason, kid, idempotencyKey } = asked;
        return rotate({
          mode,
          reason,
          kid: kid ?? undefined,
          idempotencyKey: idempotencyKey ?? undefined,
          actor: actorOfToken(token.claims),
          trace: auditTrace(trace),
        });
      },
      revokeToken: (
        _parent: unknown,
        { jti, reason }: Pick<RevocationOrder, 'jti' | 'reason'>,
        { token, trace }: SubgraphContext,
      ) => revoke({ jti, reason, actor: actorOfToken(token.claims), trace: auditTrace(trace) }),
    },
    ServiceIdentity: {
      __resolveReference: ({ id }: { readonly id: string }) => ({ id }),
      activeTokens: ({ id }: { readonly id: string }) => register.countActive(id, now()),
    },
  };
}

/** Neither the secret nor its hash. */
function showSecret({ service, version, createdAt, acceptedUntil }: StoredSecret) {
  return {
    service,
    version,
    state: acceptedUntil === undefined ? 'CURRENT' : 'PREVIOUS',
    createdAt: new Date(createdAt).toISOString(),
    acceptedUntil: acceptedUntil === undefined ? null : new Date(acceptedUntil).toISOString(),
  };
}

/** The caller as the gateway saw it: the record of its own token has what the narrowed token leaves out. */
async function describePrincipal({ claims }: VerifiedToken, register: TokenRegister) {
  const root = await register.find(claims.root_jti);
  return {
    issuer: claims.sub_iss,
    subject: claims.sub,
    kind: claims.sub_kind === 'service' ? 'SERVICE' : 'USER',
    clientId: root?.clientId ?? claims.client_id,
    roles: claims.roles,
    scopes: (root?.scope ?? claims.scope).split(' ').filter((scope) => scope !== ''),
    authenticationMethod: claims.amr[0] ?? 'unknown',
    actors: actorsOf(claims.act),
    expiresAt: new Date(root?.expiresAt ?? claims.exp * 1000).toISOString(),
  };
}
