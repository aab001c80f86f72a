import { z } from 'zod';
import { NAME } from './iam-policies-shape.ts';

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

const ISSUER = z.strictObject({
  issuer: z.string().min(1).max(2048),
  jwks_uri: ENDPOINT,
  algorithms: z.array(z.enum(ASYMMETRIC_ALGORITHMS, `is none of ${ASYMMETRIC_ALGORITHMS.join(', ')}`)).min(1),
  audience: z.string().min(1),
  typ: z.string().min(1).optional(),
  ca_file: z.string().min(1).optional(),
  claims: z.record(z.string().min(1), z.record(z.string().min(1), NAME)).optional(),
});

/** The shape of `trusted_issuers.yaml`. */
export const TRUSTED_ISSUERS = z.strictObject({
  version: z.literal(1, 'is not 1'),
  issuers: z.array(ISSUER),
});
