/** What a token is bound to (RFC 7800 section 3.1, RFC 8705 section 3.1, RFC 9449 section 6.1). */
export interface Confirmation {
  /** base64url(SHA-256(DER of the client certificate)). */
  readonly 'x5t#S256'?: string;
  /** RFC 7638 thumbprint of the DPoP key. */
  readonly jkt?: string;
}

/** Who acts for the subject; the outermost is the current actor (RFC 8693 section 4.1). */
export interface Actor {
  readonly sub: string;
  readonly iss?: string;
  readonly act?: Actor;
}

/** The claims of an access token (RFC 9068 section 2.2), with those of RFC 8693 and of the deployment. */
export interface AccessTokenClaims {
  /** The issuer identifier of the STS. */
  readonly iss: string;
  /** Exactly one audience: a service id. */
  readonly aud: string;
  /** The subject: a service id, or the name that `sub_iss` has for a user. */
  readonly sub: string;
  /** The service that asked for the token. */
  readonly client_id: string;
  /** The token's own id: what a revocation names. */
  readonly jti: string;
  /** Seconds since the epoch. */
  readonly iat: number;
  /** Seconds since the epoch; the token is valid before that moment. */
  readonly exp: number;
  /** Seconds since the epoch. */
  readonly nbf?: number;
  /** Scopes with a space between them (RFC 6749 section 3.3); empty where there are none. */
  readonly scope: string;
  /** Names of roles in `iam_policies.yaml`. */
  readonly roles: readonly string[];
  readonly cnf?: Confirmation;
  readonly act?: Actor;
  /** How the subject authenticated (RFC 8176): one of `AuthenticationMethod`. */
  readonly amr: readonly string[];
  /** When the subject logged in, in seconds since the epoch; 0 where its issuer does not say. */
  readonly auth_time: number;
  /** The class that the login reached, as its issuer calls it (RFC 9068 section 2.2.1). */
  readonly acr?: string;
  /** The jti of the token that this one descends from; its own for a root. Revoking the root ends all. */
  readonly root_jti: string;
  /**
   * `iat` of the first token of the chain, which may come from a trusted issuer. When the subject is revoked, chains that
   * began up to that moment end. Absent in tokens of older versions: then the token's own `iat` decides.
   */
  readonly root_iat?: number;
  /** `jti` of the token of a trusted issuer at the beginning of the chain; revoking it ends the whole chain. */
  readonly origin_jti?: string;
  /** Whether the subject is a service of the deployment, or a user of a trusted issuer. */
  readonly sub_kind: 'service' | 'user';
  /** The issuer whose subject this is: the STS itself, or a trusted issuer (identity is issuer and subject). */
  readonly sub_iss: string;
  /** Names of `@policy` that held for this request; such a token is valid for 60 s at most. */
  readonly policies?: readonly string[];
  /** Coordinates (`Type.field`) that the plan needs only for keys and `@requires`. */
  readonly join?: readonly string[];
}

/** How a subject authenticated: `amr` of a token and `auth_method` of an audit event. */
export type AuthenticationMethod =
  | 'client_secret_basic'
  | 'client_secret_post'
  | 'private_key_jwt'
  | 'tls_client_auth'
  | 'x509_svid'
  | 'trusted_issuer';

/** A token whose signature, type, issuer, audience, times and revocation have been checked, not yet its binding. */
export interface VerifiedToken {
  readonly claims: AccessTokenClaims;
  /** The key that signed the token. */
  readonly kid: string;
  /** The scopes of the claim `scope`, one by one. */
  readonly scopes: ReadonlySet<string>;
}
