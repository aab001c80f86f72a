import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';

/** Whom a verified subject or actor token speaks for. */
export type Subject = Pick<
  AccessTokenClaims,
  'sub' | 'sub_iss' | 'sub_kind' | 'roles' | 'amr' | 'auth_time' | 'acr' | 'act'
> & {
  /** What it holds at most beside its roles; undefined: its roles alone bound it. */
  readonly within: ReadonlySet<string> | undefined;
  /** Seconds since the epoch. */
  readonly expiresAt: number;
  /** What a foreign token is bound to: the actor must hold it. */
  readonly boundTo?: unknown;
  /** The certificate of an x509-svid token. */
  readonly certificateThumbprint?: string;
  /** Undefined: what is made from it is a root. */
  readonly rootJti: string | undefined;
  /** `iat` at the beginning of the chain; undefined: it begins with what is made from it. */
  readonly rootIat: number | undefined;
  /** `jti` of the foreign token at the beginning of the chain. */
  readonly originJti: string | undefined;
};
