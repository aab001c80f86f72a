/** `PARTIAL`: some of what was asked for was refused. `FAILED`: it ended in an error that is no refusal. */
export type AuditOutcome = 'ALLOWED' | 'PARTIAL' | 'DENIED' | 'FAILED';

/** Who did what an event records. */
export interface AuditActor {
  /** A service id, or the name that the issuer has for a user; `anonymous` where nobody is authenticated. */
  readonly sub: string;
  /** The trusted issuer whose user the subject is; absent: a service of the deployment, or nobody who is known. */
  readonly iss?: string;
  /** The service through which the subject acts. */
  readonly client_id: string | null;
  /** Who acts for the subject, outermost first. */
  readonly act: readonly string[];
  /** How the subject authenticated, such as `tls_client_auth`. */
  readonly auth_method: string | null;
  /** base64url(SHA-256(DER)) of the client certificate (RFC 8705 section 3.1). */
  readonly cert_thumbprint: string | null;
}

/** The GraphQL request that an event belongs to. */
export interface AuditRequest {
  readonly operation_name: string | null;
  /** Hexadecimal digits. */
  readonly document_sha256: string | null;
  /** Coordinates, `Type.field`. */
  readonly fields: readonly string[];
  /** Names of the subgraphs that were called. */
  readonly subgraphs: readonly string[];
}

/** A place in a distributed trace (W3C Trace Context, section 3.2.2). */
export interface AuditTrace {
  /** 32 lower-case hex digits. */
  readonly trace_id: string;
  /** 16 lower-case hex digits. */
  readonly span_id: string;
}

/** What a service records of what it did; `source` and the canonical text are added by the audit client. */
export interface AuditRecord {
  /** UUIDv7; absent: made by the audit client. */
  readonly id?: string;
  /** What happened, such as `key.rotate`; a service of your own chooses its own names. */
  readonly type: string;
  /** OCSF 1.8.0: 3002 authentication, 3003 authorize session, 3004 entity management, 3005 user access, 6003 API activity. */
  readonly class_uid: number;
  readonly outcome: AuditOutcome;
  readonly actor: AuditActor;
  readonly request?: AuditRequest;
  /** The rule that decided, and the hash of the policies in force. */
  readonly policy?: { readonly rule: string | null; readonly sha256: string } | null;
  readonly trace?: AuditTrace | null;
  /** Members of an allow list: codes, coordinates, thumbprints, counts. Never a token, a secret or a literal. */
  readonly detail?: Readonly<Record<string, unknown>>;
  /**
   * Personal data by name, kept under a key of `subject`'s own: a person of 1 to 1024 characters, at most 64 values of 1024
   * characters with names of 200. The log refuses more.
   */
  readonly pii?: { readonly subject: string; readonly values: Readonly<Record<string, string>> } | null;
}

/** The actor of what an unauthenticated caller did. */
export const ANONYMOUS: AuditActor = {
  sub: 'anonymous',
  client_id: null,
  act: [],
  auth_method: null,
  cert_thumbprint: null,
};
