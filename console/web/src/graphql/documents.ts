// Every operation that the pages send: each is valid against the public schema, which a test checks.

// A view of several services asks each of them apart: what one does not answer takes nothing from the others.

export const LOG_SUMMARY = `
query LogSummary {
  auditIntegrity { status size verifiedSize lag vkey sinks { name cursor lag lastError } holes { instance bootId from to } overBound { peer ranges intents } }
}`;

export const REQUESTS = `
query Requests($filter: AuditFilter, $last: Int, $before: String, $follow: ID) {
  auditEvents(filter: $filter, last: $last, before: $before, follow: $follow) {
    edges { node { id seq time type outcome actor clientId operation } }
    pageInfo { hasPreviousPage startCursor }
  }
}`;

export const REQUEST = `
query Request($id: ID!) {
  auditEvent(id: $id) { id seq time type outcome actor clientId operation canonical leafHash }
}`;

export const PROOF = `
query Proof($seq: BigInt!) {
  auditInclusionProof(seq: $seq) { seq size leafHash hashes checkpoint { size rootHash note } }
  auditIntegrity { vkey }
}`;

export const INTEGRITY = `
query Integrity {
  auditIntegrity {
    status size verifiedSize minimumIndex vkey lag durability
    watch { verifiedSize lastRunAt lastFullRunAt }
    witnesses { url size lastCosignedAt lastError }
    checkpoints(last: 20) { size rootHash note }
    holes { instance bootId from to }
    overBound { peer ranges intents }
    sinks { name cursor lag lastError }
  }
  auditCheckpoint { size rootHash note }
}`;

export const CONSISTENCY = `
query Consistency($from: BigInt!, $to: BigInt!) {
  older: auditCheckpoint(size: $from) { size rootHash note }
  newer: auditCheckpoint(size: $to) { size rootHash note }
  auditConsistencyProof(from: $from, to: $to) { from to hashes }
}`;

export const KEYS = `
query Keys {
  signingKeys { kid algorithm state createdAt activatesAt retiresAt }
}`;

export const SECRETS = `
query Secrets {
  clientSecrets { service version state createdAt acceptedUntil }
}`;

export const ROTATE_KEYS = `
mutation RotateKeys($mode: RotationMode!, $kid: ID, $reason: String!, $key: ID!) {
  rotateSigningKeys(mode: $mode, kid: $kid, reason: $reason, idempotencyKey: $key) {
    id active { kid } pending { kid } previous { kid state }
  }
}`;

export const ROTATE_SECRET = `
mutation RotateSecret($service: ID!, $grace: Int, $reason: String!) {
  rotateServiceSecret(serviceId: $service, graceSeconds: $grace, reason: $reason) { serviceId version secret graceUntil }
}`;

export const CERTIFICATES = `
query Certificates {
  certificates { service thumbprint subject spiffeId notBefore notAfter renewAt revoked state }
}`;

export const REVOKE_CERTIFICATE = `
mutation RevokeCertificate($thumbprint: ID!, $reason: String!) {
  revokeCertificate(thumbprint: $thumbprint, reason: $reason) { thumbprint revokedAt }
}`;

export const POLICIES = `
query Policies {
  policySet { sha256 loadedAt }
  roles {
    name inherits permissions location
    rules { id effect permission when unless location }
    holders { service issuer claim value location }
  }
  policyVersions { version sha256 at available }
}`;

export const POLICY_DIFF = `
query PolicyDiff($from: Int!, $to: Int!) {
  policyDiff(from: $from, to: $to) { from to changes { subject action policy before after rule location } more }
}`;

export const POLICY_TESTS = `
query PolicyTests {
  policyTests { name location because passed expected actual }
}`;

export const EXPLAIN = `
query Explain($subject: ID!, $issuer: String, $action: String, $document: String, $context: AccessContext) {
  explainAccess(subject: $subject, issuer: $issuer, action: $action, document: $document, context: $context) {
    action coordinate allowed rule location rolePath nearMisses
  }
}`;

export const GRAPH = `
query Graph {
  graphCoverage {
    guarded authenticated open
    types { name kind subgraphs fields { name coordinate type coverage requirement subgraphs reachableBy } }
  }
}`;

export const SERVICES = `
query Services {
  services { id spiffeId roles suspended activeTokens }
}`;

export const SUBJECTS = `
query Subjects {
  activeSubjects { issuer subject kind clients tokens expiresAt }
}`;

export const SUSPEND_SERVICE = `
mutation SuspendService($id: ID!, $reason: String!) { suspendService(serviceId: $id, reason: $reason) { id suspended } }`;

export const RESTORE_SERVICE = `
mutation RestoreService($id: ID!, $reason: String!) { restoreService(serviceId: $id, reason: $reason) { id suspended } }`;

export const REVOKE_SUBJECT = `
mutation RevokeSubject($issuer: String!, $subject: ID!, $reason: String!) {
  revokeSubject(issuer: $issuer, subject: $subject, reason: $reason) { issuer subject revokedAt }
}`;
