import { LONGEST_SUBJECT_LIFE_SECONDS } from '@aduana/core/status/status-entry';
import { z } from 'zod';
import { NAME, PERMISSION } from './iam-policies-shape.ts';

const ASYMMETRIC_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;

const ENDPOINT = z.url({ protocol: /^https?$/, error: 'is not a URL' }).refine((text) => {
  if (!URL.canParse(text)) return true;
  const url = new URL(text);
  const encrypted = url.protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  return encrypted && url.username === '' && url.password === '';
}, 'is not an https URL without credentials');

const CLAIM = z.string().min(1).max(256);

const SSF = z.strictObject({
  audience: z.string().min(1).max(2048),
  events: z.array(z.url('is not the full URI of a type of events').max(512)).min(1).max(50),
  poll: z.strictObject({ url: ENDPOINT, token_file: z.string().min(1) }).optional(),
});

const ISSUER = z.strictObject({
  issuer: z.string().min(1).max(2048),
  jwks_uri: ENDPOINT,
  algorithms: z.array(z.enum(ASYMMETRIC_ALGORITHMS, `is none of ${ASYMMETRIC_ALGORITHMS.join(', ')}`)).min(1),
  audience: z.string().min(1),
  typ: z.string().min(1).optional(),
  ca_file: z.string().min(1).optional(),
  max_age_seconds: z.int().min(1).max(LONGEST_SUBJECT_LIFE_SECONDS).optional(),
  subject_claim: CLAIM.optional(),
  claims: z
    .record(
      CLAIM,
      z.record(z.string().min(1), z.union([NAME, z.array(NAME).min(1)], 'is no role or list of roles')),
    )
    .optional(),
  ssf: SSF.optional(),
  scope_claims: z.record(CLAIM, z.record(z.string().min(1), z.array(PERMISSION).min(1))).optional(),
});

/** The shape of `trusted_issuers.yaml`. */
export const TRUSTED_ISSUERS = z.strictObject({
  version: z.literal(1, 'is not 1'),
  issuers: z.array(ISSUER),
});

export type SharedSignalsEntry = z.output<typeof SSF>;
