/** What the documents of `documents.ts` are answered with. `BigInt` is a decimal string. */

export interface AuditEventNode {
  readonly id: string;
  readonly seq: string;
  /** RFC 3339. */
  readonly time: string;
  readonly type: string;
  readonly outcome: string;
  readonly actor: string;
  readonly clientId: string | null;
  readonly operation: string | null;
}

export interface CheckpointShape {
  readonly size: string;
  /** Lower-case hex. */
  readonly rootHash: string;
  readonly note: string;
}

export interface RequestsData {
  readonly auditEvents: {
    readonly edges: readonly { readonly node: AuditEventNode }[];
    readonly pageInfo: { readonly hasPreviousPage: boolean; readonly startCursor: string | null };
  };
}

export interface RequestData {
  /** `canonical` is RFC 8785 text, exactly as hashed. */
  readonly auditEvent: (AuditEventNode & { readonly canonical: string; readonly leafHash: string }) | null;
}

export interface ProofData {
  readonly auditInclusionProof: {
    readonly seq: string;
    readonly size: string;
    readonly leafHash: string;
    readonly hashes: readonly string[];
    readonly checkpoint: CheckpointShape;
  } | null;
  readonly auditIntegrity: { readonly vkey: string } | null;
}

export interface SinkShape {
  readonly name: string;
  readonly cursor: string;
  readonly lag: string;
  readonly lastError: string | null;
}

/** What the Overview shows of the log. */
export interface LogSummaryShape {
  readonly status: string;
  readonly size: string;
  readonly verifiedSize: string;
  readonly vkey: string;
  readonly lag: string;
  readonly holes: readonly {
    readonly instance: string;
    readonly bootId: string;
    readonly from: string;
    readonly to: string;
  }[];
  /** Peers of which more came than the log keeps account of. */
  readonly overBound: readonly {
    readonly peer: string;
    readonly ranges: string;
    readonly intents: string;
  }[];
  readonly sinks: readonly SinkShape[];
}

export interface LogSummaryData {
  readonly auditIntegrity: LogSummaryShape | null;
}

export interface IntegrityShape extends LogSummaryShape {
  /** The newest last. */
  readonly checkpoints: readonly CheckpointShape[];
  readonly minimumIndex: string;
  readonly durability: string;
  readonly watch: {
    readonly verifiedSize: string;
    readonly lastRunAt: string | null;
    readonly lastFullRunAt: string | null;
  } | null;
  readonly witnesses: readonly {
    readonly url: string;
    readonly size: string;
    readonly lastCosignedAt: string | null;
    readonly lastError: string | null;
  }[];
}

export interface IntegrityData {
  readonly auditIntegrity: IntegrityShape | null;
  readonly auditCheckpoint: CheckpointShape | null;
}

export interface ConsistencyData {
  readonly older: CheckpointShape | null;
  readonly newer: CheckpointShape | null;
  readonly auditConsistencyProof: { readonly hashes: readonly string[] } | null;
}

export interface SigningKeyShape {
  readonly kid: string;
  readonly algorithm: string;
  readonly state: string;
  readonly createdAt: string;
  readonly activatesAt: string | null;
  readonly retiresAt: string | null;
}

export interface ClientSecretShape {
  readonly service: string;
  readonly version: number;
  readonly state: string;
  readonly createdAt: string;
  readonly acceptedUntil: string | null;
}

export interface KeysData {
  readonly signingKeys: readonly SigningKeyShape[] | null;
}

export interface SecretsData {
  readonly clientSecrets: readonly ClientSecretShape[] | null;
}

export interface CertificateShape {
  readonly service: string;
  readonly thumbprint: string;
  readonly subject: string;
  readonly spiffeId: string | null;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly renewAt: string | null;
  readonly revoked: boolean;
  readonly state: string;
}

export interface CertificatesData {
  readonly certificates: readonly CertificateShape[] | null;
}

export interface ServiceShape {
  readonly id: string;
  readonly spiffeId: string | null;
  readonly roles: readonly string[];
  readonly suspended: boolean;
  readonly activeTokens: number | null;
}

export interface ServicesData {
  readonly services: readonly ServiceShape[] | null;
}

export interface SubjectShape {
  readonly issuer: string;
  readonly subject: string;
  readonly kind: string;
  readonly clients: readonly string[];
  readonly tokens: number;
  readonly expiresAt: string;
}

export interface SubjectsData {
  readonly activeSubjects: readonly SubjectShape[] | null;
}

/** `GET /gateway/status`: of the replica that answers, over the last minute. */
export interface GatewayStatus {
  readonly time: string;
  readonly startedAt: string;
  readonly health: { readonly status: string; readonly checks: Readonly<Record<string, string>> };
  readonly requests: {
    readonly perSecond: number;
    readonly refusedPerSecond: number;
    readonly failedPerSecond: number;
    readonly p50Milliseconds: number | null;
    readonly p99Milliseconds: number | null;
  };
  /** Spans of five seconds, the oldest first. */
  readonly history: readonly {
    readonly time: string;
    readonly requests: number;
    readonly refused: number;
    readonly failed: number;
  }[];
  readonly subgraphs: readonly SubgraphStatus[];
}

export interface SubgraphStatus {
  readonly name: string;
  readonly service: string;
  readonly callsPerSecond: number;
  readonly failuresPerSecond: number;
  readonly p50Milliseconds: number | null;
  readonly p99Milliseconds: number | null;
  readonly circuit: string;
  readonly health: string;
}
