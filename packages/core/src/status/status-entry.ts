/** One statement of the status feed; `seq` only grows. `until`: seconds since the epoch after which it may be forgotten. */
export type StatusEntry = { readonly seq: number; readonly at: number } & (
  | { readonly kind: 'token_revoked'; readonly jti: string; readonly until: number }
  | {
      readonly kind: 'subject_revoked';
      readonly issuer: string;
      readonly subject: string;
      /** Seconds since the epoch: what was issued up to then counts no more. */
      readonly notAfter: number;
      readonly until: number;
    }
  | { readonly kind: 'key_revoked'; readonly kid: string }
  | { readonly kind: 'service_suspended'; readonly service: string }
  | { readonly kind: 'service_restored'; readonly service: string }
  | { readonly kind: 'certificate_revoked'; readonly thumbprint: string }
  | { readonly kind: 'policies_changed'; readonly sha256: string }
);

/** The answer of `GET /sts/status?after=N`. */
export interface StatusPage {
  readonly entries: readonly StatusEntry[];
  /** The seq of the newest entry that exists. */
  readonly head: number;
}

/** What is revoked, suspended or compromised, as of a copy whose age is bounded. */
export interface StatusView {
  /** @param rootJti of the token that this one descends from: its revocation counts for both */
  isTokenRevoked(jti: string, rootJti: string): boolean;
  /** @param issuedAt `iat` of the token, or of the foreign token that it was made of, in seconds since the epoch */
  isSubjectRevoked(issuer: string, subject: string, issuedAt: number): boolean;
  isKeyRevoked(kid: string): boolean;
  /** @param service its id in `service_identities.yaml` */
  isServiceSuspended(service: string): boolean;
  /** @param thumbprint base64url(SHA-256(DER)) (RFC 8705 section 3.1) */
  isCertificateRevoked(thumbprint: string): boolean;
  /** Grows with each entry: a part of the key of every cache that depends on a caller's rights. */
  readonly version: number;
  /** @throws SecurityError `STATUS_UNAVAILABLE` before the first read and once the copy is older than 60 s */
  assertFresh(): void;
  /** Calls back after each change; returns what ends that. */
  onChange(listener: () => void): () => void;
}

/** How long a token of any issuer can count after its `iat`, and what was made of it: revocations are kept as long. */
export const LONGEST_SUBJECT_LIFE_SECONDS = 30 * 86_400;

/** The bus topic that wakes the readers of the feed. */
export const STATUS_TOPIC = 'sts.status';
