import { readFileSync } from 'node:fs';
import { expect } from '@jest/globals';

/** The shipped policies with a gateway that may also authenticate otherwise, as older files say. */
export function permissivePolicies(jwk: object): Readonly<Record<string, string>> {
  const read = (name: string): string => readFileSync(`policies/${name}`, 'utf8');
  const shipped = read('service_identities.yaml');
  const gateway = /(gateway:\n\s+spiffe_id: \S+\n\s+roles: \[gateway\]\n\s+authentication: )\[.*\]/;
  expect(shipped).toMatch(gateway);
  const methods = '[tls_client_auth, client_secret_basic, client_secret_post, private_key_jwt]';
  return {
    'iam_policies.yaml': read('iam_policies.yaml'),
    'service_identities.yaml': shipped.replace(
      gateway,
      `$1${methods}\n    jwks: ${JSON.stringify({ keys: [jwk] })}`,
    ),
  };
}
