export type AuditOutcome = 'ALLOWED' | 'PARTIAL' | 'DENIED' | 'FAILED';

export interface AuditActor {
  readonly sub: string;
  /** The trusted issuer whose user the subject is; absent: a service of the deployment, or nobody who is known. */
  readonly iss?: string;
  readonly client_id: string | null;
  /** Who acts for the subject, outermost first. */
  readonly act: readonly string[];
  readonly auth_method: string | null;
  readonly cert_thumbprint: string | null;
}

export interface AuditRequest {
  readonly operation_name: string | null;
  readonly document_sha256: string | null;
  /** Coordinates, `Type.field`. */
  readonly fields: readonly string[];
  readonly subgraphs: readonly string[];
}

/** W3C Trace Context, section 3.2.2. */
export interface AuditTrace {
  readonly trace_id: string;
  readonly span_id: string;
}

/** What a service records of what it did; `source` and the canonical text are added by the audit client. */
export interface AuditRecord {
  /** UUIDv7; absent: made by the audit client. */
  readonly id?: string;
  readonly type: string;
  /** OCSF 1.8.0: 3002 authentication, 3003 authorize session, 3004 entity management, 3005 user access, 6003 API activity. */
  readonly class_uid: number;
  readonly outcome: AuditOutcome;
  readonly actor: AuditActor;
  readonly request?: AuditRequest;
  readonly policy?: { readonly rule: string | null; readonly sha256: string } | null;
  readonly trace?: AuditTrace | null;
  /** Members of an allow list: codes, coordinates, thumbprints, counts. Never a token, a secret or a literal. */
  readonly detail?: Readonly<Record<string, unknown>>;
  /** Personal data by name; kept under a key of `subject`'s own. */
  readonly pii?: { readonly subject: string; readonly values: Readonly<Record<string, string>> } | null;
}

export const ANONYMOUS: AuditActor = {
  sub: 'anonymous',
  client_id: null,
  act: [],
  auth_method: null,
  cert_thumbprint: null,
};
