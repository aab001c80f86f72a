import { z } from 'zod';
import { NAME, PATTERN } from './iam-policies-shape.ts';

const AUDIENCE = z.string().min(1).max(256);

/** Members that only private or symmetric keys have (RFC 7518 section 6). */
const SECRET_JWK_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

const PUBLIC_JWK = z
  .looseObject({ kty: z.enum(['EC', 'RSA', 'OKP'], 'is none of EC, RSA, OKP') })
  .refine(
    (key) => SECRET_JWK_MEMBERS.every((member) => !Object.hasOwn(key, member)),
    'holds a private key: keep only the public members',
  );

/** A JSON Web Key Set of public keys (RFC 7517 section 5). */
export const PUBLIC_JWKS = z.strictObject({ keys: z.array(PUBLIC_JWK).max(20) });

/** The ids that a service can have. */
export const SERVICE_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

const SERVICE = z
  .strictObject({
    spiffe_id: z
      .string()
      .regex(
        /^spiffe:\/\/[a-z0-9._-]{1,255}(?:\/[A-Za-z0-9._-]+)+$/,
        'is not a SPIFFE ID such as spiffe://aduana.local/bff',
      )
      .optional(),
    roles: z.array(NAME).optional(),
    authentication: z
      .array(
        z.enum(
          ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'tls_client_auth'],
          'is no client authentication method',
        ),
      )
      .optional(),
    jwks: PUBLIC_JWKS.optional(),
    jwks_file: z.string().min(1).optional(),
    token: z
      .strictObject({
        max_ttl_seconds: z.int().min(1).max(86_400).optional(),
        audiences: z.array(AUDIENCE).min(1).optional(),
      })
      .optional(),
    exchange: z
      .strictObject({
        audiences: z.array(AUDIENCE).optional(),
        scopes: z.array(PATTERN).optional(),
        subjects: z.array(z.literal('x509_svid', 'is not `x509_svid`')).optional(),
        join: z.boolean().optional(),
        policies: z.boolean().optional(),
      })
      .optional(),
  })
  .refine(
    ({ jwks, jwks_file }) => jwks === undefined || jwks_file === undefined,
    'has both `jwks` and `jwks_file`',
  );

/** The shape of `service_identities.yaml`. */
export const SERVICE_IDENTITIES = z.strictObject({
  version: z.literal(1, 'is not 1'),
  services: z.record(
    z.string().regex(SERVICE_ID, 'is not a service id of letters, digits, `_`, `-` and `.`'),
    SERVICE,
  ),
});

export type ServiceEntry = z.output<typeof SERVICE>;
