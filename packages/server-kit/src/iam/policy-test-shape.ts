import { z } from 'zod';
import { NAME } from './iam-policies-shape.ts';

const CONTEXT = z.strictObject({
  time: z.iso.datetime({ offset: true, error: 'is not a time such as "2026-12-31T23:59:59Z"' }).optional(),
  address: z.union([z.ipv4(), z.ipv6()], 'is not an IP address').optional(),
  mtls: z.boolean().optional(),
  spiffe_id: z.string().optional(),
  subject_alt_names: z.array(z.string()).optional(),
  authentication_method: z.string().optional(),
  proof_of_possession: z.boolean().optional(),
  actors: z.array(z.string()).optional(),
  environment: z.string().optional(),
  acr: z.string().optional(),
  auth_time: z.iso
    .datetime({ offset: true, error: 'is not a time such as "2026-12-31T23:59:59Z"' })
    .optional(),
  within_rates: z.record(NAME, z.boolean()).optional(),
});

const EFFECT = z.enum(['allow', 'deny'], 'is neither `allow` nor `deny`');

const TEST = z.strictObject({
  name: z.string().min(1).optional(),
  given: z
    .strictObject({
      subject: z.string().min(1).optional(),
      issuer: z.string().min(1).optional(),
      roles: z.array(NAME).optional(),
      action: z.string().min(1).optional(),
      policy: z.string().min(1).optional(),
      context: CONTEXT.optional(),
    })
    .refine(
      ({ action, policy }) => (action === undefined) !== (policy === undefined),
      'needs one of `action` and `policy`',
    )
    .refine(
      ({ subject, roles }) => subject !== undefined || roles !== undefined,
      'needs a `subject` or `roles`',
    ),
  expect: z.union(
    [EFFECT, z.strictObject({ effect: EFFECT, rule: z.string().min(1) })],
    'is neither `allow`, `deny` nor an effect with its rule',
  ),
  because: z.string().min(1),
});

/** The shape of a `*.test.yaml` file beside the policies. */
export const POLICY_TESTS = z.strictObject({ version: z.literal(1, 'is not 1'), tests: z.array(TEST) });

export type PolicyTestEntry = z.output<typeof TEST>;
export type PolicyTestContext = z.output<typeof CONTEXT>;
