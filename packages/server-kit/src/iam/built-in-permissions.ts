/** The permissions of the deployment itself: in every catalogue, whatever the policy files say. */
export const BUILT_IN_PERMISSIONS: readonly string[] = [
  'sts:keys:read',
  'sts:keys:rotate',
  'sts:tokens:introspect',
  'sts:tokens:revoke',
  'iam:services:read',
  'iam:services:write',
  'iam:secrets:read',
  'iam:secrets:rotate',
  'iam:certificates:read',
  'iam:certificates:revoke',
  'iam:subjects:revoke',
  'iam:policies:read',
  'iam:policies:explain',
  'iam:policies:reload',
  'audit:events:read',
  'audit:proofs:read',
  'gateway:metrics:read',
  'gateway:documents:register',
];

/** What services do to each other, and what concerns persons: held by whoever is granted it by name, never through a wildcard. */
export const INTERNAL_PERMISSIONS: readonly string[] = [
  'sts:status:write',
  'sts:secrets:rotate',
  'audit:events:write',
  'audit:pii:read',
  'audit:pii:erase',
  'audit:log:recover',
];
