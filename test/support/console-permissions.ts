export type Role = 'operator' | 'auditor' | 'bff';

const LOG = ['audit:events:read', 'audit:proofs:read'];

export const ADMIN = [
  'gateway:metrics:read', 'audit:proofs:read', 'sts:keys:read', 'sts:keys:rotate', 'iam:secrets:read', 'iam:secrets:rotate',
  'iam:certificates:read', 'iam:certificates:revoke', 'iam:policies:read', 'iam:policies:explain', 'iam:services:read',
  'iam:services:write', 'iam:subjects:revoke',
]; // prettier-ignore

export const PERMISSIONS: Readonly<Record<Role, readonly string[]>> = {
  operator: ADMIN,
  auditor: LOG,
  bff: ['leads:read', 'campaigns:read'],
};

export const FIELD_PERMISSIONS: Readonly<Record<string, { service: string; permission: string }>> = {
  auditEvents: { service: 'audit', permission: 'audit:events:read' },
  auditEvent: { service: 'audit', permission: 'audit:events:read' },
  auditInclusionProof: { service: 'audit', permission: 'audit:proofs:read' },
  auditIntegrity: { service: 'audit', permission: 'audit:proofs:read' },
  auditCheckpoint: { service: 'audit', permission: 'audit:proofs:read' },
  auditConsistencyProof: { service: 'audit', permission: 'audit:proofs:read' },
  older: { service: 'audit', permission: 'audit:proofs:read' },
  newer: { service: 'audit', permission: 'audit:proofs:read' },
  signingKeys: { service: 'sts', permission: 'sts:keys:read' },
  rotateSigningKeys: { service: 'sts', permission: 'sts:keys:rotate' },
  clientSecrets: { service: 'sts', permission: 'iam:secrets:read' },
  rotateServiceSecret: { service: 'admin', permission: 'iam:secrets:rotate' },
  certificates: { service: 'admin', permission: 'iam:certificates:read' },
  revokeCertificate: { service: 'admin', permission: 'iam:certificates:revoke' },
  policySet: { service: 'admin', permission: 'iam:policies:read' },
  roles: { service: 'admin', permission: 'iam:policies:read' },
  policyVersions: { service: 'admin', permission: 'iam:policies:read' },
  policyDiff: { service: 'admin', permission: 'iam:policies:read' },
  policyTests: { service: 'admin', permission: 'iam:policies:read' },
  explainAccess: { service: 'admin', permission: 'iam:policies:explain' },
  graphCoverage: { service: 'admin', permission: 'iam:policies:read' },
  services: { service: 'admin', permission: 'iam:services:read' },
  suspendService: { service: 'admin', permission: 'iam:services:write' },
  restoreService: { service: 'admin', permission: 'iam:services:write' },
  activeSubjects: { service: 'sts', permission: 'iam:services:read' },
  revokeSubject: { service: 'admin', permission: 'iam:subjects:revoke' },
};
