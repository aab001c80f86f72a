import { z } from 'zod';
import { isPermission, isPermissionPattern } from './permission.ts';
import { isAddressRange } from '../platform/address-range.ts';
import { isTimeZone } from './time-window.ts';

export const NAME = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_.-]{0,127}$/, 'is not a name of letters, digits, `_`, `-` and `.`');
export const PERMISSION = z
  .string()
  .refine(isPermission, 'is not a concrete permission such as `leads:pii:read`');
export const PATTERN = z
  .string()
  .refine(isPermissionPattern, 'is not a permission such as `leads:read`, `leads:*:read` or `leads:**`');
const SECONDS = z.int().min(1).max(31_536_000);
const NAMES = z.array(NAME).min(1);
const CLOCK_TIME = z.string().regex(/^(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)$/, 'is not a time such as "08:00"');
const INSTANT = z.iso.datetime({ offset: true, error: 'is not a time such as "2026-12-31T23:59:59Z"' });
const ADDRESS_RANGE = z
  .string()
  .refine(isAddressRange, 'is not an address or a range such as 10.0.0.0/8 or 2001:db8::/32');
const SPIFFE_PATTERN = z
  .string()
  .regex(
    /^spiffe:\/\/[a-z0-9._-]{1,255}(?:\/(?:[A-Za-z0-9._-]+|\*))*(?:\/\*\*)?$/,
    'is not a SPIFFE ID, with `*` for a path segment or `**` at its end',
  );

/** A challenge has it between quotation marks, separated by blanks (RFC 9470 section 3). */
const ACR = z
  .string()
  .regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,255}$/, 'is no `acr`: visible ASCII without blanks, `"` and `\\`');

const CONSTRAINTS = z.strictObject({
  max_ttl_seconds: SECONDS.optional(),
  scopes: z.array(PATTERN).optional(),
  audiences: z.array(NAME).optional(),
});

export const RULE_MEMBERS = z
  .strictObject({
    id: NAME.optional(),
    allow: PATTERN.optional(),
    deny: PATTERN.optional(),
    when: NAMES.optional(),
    unless: NAMES.optional(),
    constraints: CONSTRAINTS.optional(),
  })
  .refine(
    ({ allow, deny }) => (allow === undefined) !== (deny === undefined),
    'needs one of `allow` and `deny`',
  )
  .refine(
    ({ deny, constraints }) => deny === undefined || constraints === undefined,
    'a `deny` takes no constraints',
  );

const RULE = z.preprocess((rule) => (typeof rule === 'string' ? { allow: rule } : rule), RULE_MEMBERS);

const ROLE = z.strictObject({
  inherits: z.array(NAME).optional(),
  permissions: z.array(RULE).optional(),
  constraints: CONSTRAINTS.optional(),
});

const WEEKDAY = z.enum(
  ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'],
  'is none of mon, tue, wed, thu, fri, sat, sun',
);

const TIME = z.strictObject({
  zone: z.string().refine(isTimeZone, 'is not an IANA time zone such as Europe/Madrid'),
  days: z.array(WEEKDAY).min(1).optional(),
  from: CLOCK_TIME.optional(),
  to: CLOCK_TIME.optional(),
  not_before: INSTANT.optional(),
  not_after: INSTANT.optional(),
});

const CONDITION = z
  .strictObject({
    time: TIME.optional(),
    cidr: z.array(ADDRESS_RANGE).min(1).optional(),
    mtls: z.boolean().optional(),
    spiffe: z.array(SPIFFE_PATTERN).min(1).optional(),
    san: z
      .array(z.string().regex(/^(?:DNS|URI):\S+$/, 'is not a name such as `DNS:host` or `URI:uri`'))
      .min(1)
      .optional(),
    authentication: z
      .array(
        z.enum(
          [
            'client_secret_basic',
            'client_secret_post',
            'private_key_jwt',
            'tls_client_auth',
            'x509_svid',
            'trusted_issuer',
          ],
          'is no authentication method',
        ),
      )
      .min(1)
      .optional(),
    proof_of_possession: z.boolean().optional(),
    delegation: z
      .strictObject({ max_depth: z.int().min(0).max(16).optional(), actors: z.array(z.string()).optional() })
      .optional(),
    environment: z.array(z.string()).min(1).optional(),
    rate: z.strictObject({ limit: z.int().min(1), per_seconds: z.int().min(1).max(86_400) }).optional(),
    acr: z.array(ACR).min(1).max(20).optional(),
    max_age_seconds: SECONDS.optional(),
    all_of: NAMES.optional(),
    any_of: NAMES.optional(),
    none_of: NAMES.optional(),
  })
  .refine((condition) => Object.keys(condition).length > 0, 'asks for nothing');

const SUBJECT = z.union(
  [
    z.string().min(1),
    z.strictObject({ issuer: z.string().min(1).max(2048), sub: z.string().min(1).max(255) }),
  ],
  'is neither the id of a service nor `{ issuer, sub }` of a user',
);

const POLICY = z.strictObject({
  roles: NAMES.optional(),
  subjects: z.array(SUBJECT).min(1).optional(),
  when: NAMES.optional(),
  unless: NAMES.optional(),
});

/** The shape of `iam_policies.yaml`. */
export const IAM_POLICIES = z.strictObject({
  version: z.literal(1, 'is not 1'),
  permissions: z.array(PERMISSION).optional(),
  conditions: z.record(NAME, CONDITION).optional(),
  roles: z.record(NAME, ROLE).optional(),
  policies: z.record(z.string().regex(/^\S{1,256}$/, 'is not a name without blanks'), POLICY).optional(),
});

export type IamPoliciesFile = z.output<typeof IAM_POLICIES>;
export type ConstraintsEntry = z.output<typeof CONSTRAINTS>;
export type RuleEntry = z.output<typeof RULE_MEMBERS>;
export type ConditionEntry = z.output<typeof CONDITION>;
