/** What is known of a request beside who asks for what; a condition about an absent member cannot be evaluated. */
export interface AccessContext {
  /** Milliseconds since the epoch, or RFC 3339 text. */
  readonly time?: number | string | Date;
  /** The client's IP address, without a port. */
  readonly address?: string;
  /** Whether the client showed a certificate of its own: of the calling service, or what its token is bound to. */
  readonly mtls?: boolean;
  /** The URI SAN of the client's certificate. */
  readonly spiffeId?: string;
  /** Subject alternative names of the client's certificate, as `DNS:name` or `URI:uri`. */
  readonly subjectAltNames?: readonly string[];
  /** RFC 7591 section 2 names such as `tls_client_auth`, or the deployment's `x509_svid` and `trusted_issuer`. */
  readonly authenticationMethod?: string;
  /** Whether the token is bound to a key that the client has proved to hold (RFC 8705, RFC 9449). */
  readonly proofOfPossession?: boolean;
  /** Who acts for the subject, outermost first (RFC 8693 section 4.1); empty for nobody. */
  readonly actors?: readonly string[];
  /** Where the service runs, such as `production`. */
  readonly environment?: string;
  /** The class that the subject's login reached (OpenID Connect Core section 2). */
  readonly acr?: string;
  /** When the subject logged in: milliseconds since the epoch, or RFC 3339 text. */
  readonly authTime?: number | string | Date;
  /** Whether the caller is within each rate condition, by the condition's name. */
  readonly rates?: ReadonlyMap<string, boolean>;
}

/** Who asks to do what. */
export interface AccessRequest {
  /** The id of a service, or the `sub` of a user of `issuer`. */
  readonly subject: string;
  /** The trusted issuer whose user the subject is; absent: the subject is a service of the deployment. */
  readonly issuer?: string | undefined;
  readonly roles: readonly string[];
  /** A concrete permission. */
  readonly action: string;
  readonly context?: AccessContext;
}
