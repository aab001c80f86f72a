import type { JsonWebKey } from 'node:crypto';

/** `file:line` inside the policies folder. */
export type Location = string;

/** One line of a role: what it allows or denies, and when. */
export interface Rule {
  /** Unique, `role/allow:pattern` unless the file names it. */
  readonly id: string;
  readonly effect: 'allow' | 'deny';
  /** Segments between colons; `*` stands for one, `**` for one or more at the end. */
  readonly pattern: string;
  /** Conditions that must all hold. */
  readonly when: readonly string[];
  /** Conditions that must not hold all together; empty: no such demand. */
  readonly unless: readonly string[];
  readonly constraints: Constraints;
  readonly location: Location;
}

/** What a grant is limited to; an absent member limits nothing. */
export interface Constraints {
  readonly maxTtlSeconds?: number;
  /** Patterns: a token granted under this rule carries no scope outside. */
  readonly scopes?: readonly string[];
  /** Audiences that a token granted under this rule may name. */
  readonly audiences?: readonly string[];
}

export interface Role {
  readonly name: string;
  readonly inherits: readonly string[];
  readonly rules: readonly Rule[];
  /** Hold for every rule that is reached through this role. */
  readonly constraints: Constraints;
  readonly location: Location;
}

/** A subject is the pair of its issuer and its name there: two issuers may use one name. */
export interface SubjectName {
  /** A trusted issuer, for its user; undefined: the subject is a service of the deployment. */
  readonly issuer: string | undefined;
  readonly sub: string;
}

/** What `@policy(policies: [["name"]])` names. */
export interface NamedPolicy {
  readonly name: string;
  /** One of them must be held, itself or by inheritance; empty: any caller. */
  readonly roles: readonly string[];
  /** Subjects, one of whom must ask; empty: any. */
  readonly subjects: readonly SubjectName[];
  readonly when: readonly string[];
  readonly unless: readonly string[];
  readonly location: Location;
}

export type Weekday = 'sun' | 'mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat';

export interface TimeWindow {
  /** IANA name. */
  readonly zone: string;
  /** The days on which the window opens; empty: every day. */
  readonly days: readonly Weekday[];
  /** Minutes after local midnight, `to` excluded; `to <= from` crosses midnight. */
  readonly from: number;
  readonly to: number;
  /** Milliseconds since the epoch, `notAfter` excluded. */
  readonly notBefore?: number;
  readonly notAfter?: number;
}

/** All members that are present must hold. */
export interface Condition {
  readonly name: string;
  readonly time?: TimeWindow;
  readonly cidr?: readonly string[];
  readonly mtls?: boolean;
  /** SPIFFE ID patterns: `*` stands for one path segment, `**` for the rest. */
  readonly spiffe?: readonly string[];
  readonly san?: readonly string[];
  readonly authentication?: readonly string[];
  readonly proofOfPossession?: boolean;
  readonly delegation?: { readonly maxDepth?: number; readonly actors?: readonly string[] };
  readonly environment?: readonly string[];
  readonly rate?: { readonly limit: number; readonly perSeconds: number };
  /** Authentication context classes, one of which the login reached; the preferred first. */
  readonly acr?: readonly string[];
  /** How long ago the login is at most. */
  readonly maxAgeSeconds?: number;
  readonly allOf?: readonly string[];
  readonly anyOf?: readonly string[];
  readonly noneOf?: readonly string[];
  readonly location: Location;
}

export type ClientAuthenticationMethod =
  'client_secret_basic' | 'client_secret_post' | 'private_key_jwt' | 'tls_client_auth';

/** What a service may ask of the STS on behalf of a caller (RFC 8693). */
export interface ExchangeRights {
  /** Service ids, or `*`. */
  readonly audiences: readonly string[];
  /** Permission patterns. */
  readonly scopes: readonly string[];
  /** Kinds of subject that it may present beside access tokens. */
  readonly subjects: readonly 'x509_svid'[];
  readonly join: boolean;
  readonly policies: boolean;
}

export interface Service {
  readonly id: string;
  readonly spiffeId: string | undefined;
  readonly roles: readonly string[];
  readonly authentication: readonly ClientAuthenticationMethod[];
  /** Public keys for `private_key_jwt` (RFC 7523), inline or read from `jwks_file`. */
  readonly jwks: readonly JsonWebKey[];
  readonly token: { readonly maxTtlSeconds: number | undefined; readonly audiences: readonly string[] };
  /** Undefined: `unauthorized_client` for any exchange. */
  readonly exchange: ExchangeRights | undefined;
  readonly location: Location;
}

/** What an issuer reports about its users between their tokens (OpenID Shared Signals Framework 1.0). */
export interface SharedSignals {
  readonly audience: string;
  /** Types of events that end a subject's tokens, as full URIs. */
  readonly events: readonly string[];
  /** Where events are fetched (RFC 8936); undefined: the issuer pushes them. */
  readonly poll: { readonly url: string; readonly tokenFile: string } | undefined;
}

export interface TrustedIssuer {
  readonly issuer: string;
  readonly jwksUri: string;
  readonly algorithms: readonly string[];
  readonly audience: string;
  /** The one accepted `typ`, lower case; undefined: `JWT`, `at+jwt` or none. */
  readonly typ: string | undefined;
  /** PEM: the CAs that the issuer's key endpoint is verified against; undefined: the system's. */
  readonly ca: string | undefined;
  /** How long after its `iat` a JWT counts at most, whatever its `exp`. */
  readonly maxAgeSeconds: number;
  /** The claim that names the subject. A claim is named exactly, or by its path with dots. */
  readonly subjectClaim: string;
  /** Claim -> value, or element of a list -> roles. */
  readonly roleClaims: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;
  /** Claim -> value, or element of a list -> permissions that the token is narrowed to; empty: no such narrowing. */
  readonly scopeClaims: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;
  /** Undefined: nothing is taken from it but its users' tokens. */
  readonly ssf: SharedSignals | undefined;
  readonly location: Location;
}

/** What the policies folder says, checked: names resolve, nothing is cyclic. */
export interface Sources {
  readonly folder: string;
  /** SHA-256 over names and contents of all files that decide, hex. */
  readonly sha256: string;
  /** The files read, relative to the folder. */
  readonly files: readonly string[];
  /** Permissions by name, with where they are named; undefined for the deployment's own. */
  readonly permissions: ReadonlyMap<string, Location | undefined>;
  readonly conditions: ReadonlyMap<string, Condition>;
  readonly roles: ReadonlyMap<string, Role>;
  readonly policies: ReadonlyMap<string, NamedPolicy>;
  readonly services: ReadonlyMap<string, Service>;
  readonly issuers: ReadonlyMap<string, TrustedIssuer>;
}
