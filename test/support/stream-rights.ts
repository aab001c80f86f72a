import type { Engine } from '@aduana/server-kit/iam/compile';
import { engineOf } from './policy-folder.ts';

/** What `delegatedOf` of `stream-world.ts` needs: users of one provider, whose group `g` has the role `r`, and a BFF. */
const FILES = {
  'trusted_issuers.yaml':
    'version: 1\nissuers:\n  - { issuer: "https://users.example", jwks_uri: "https://users.example/jwks", algorithms: [ES256], audience: a, claims: { groups: { g: r } } }\n',
  'service_identities.yaml':
    'version: 1\nservices:\n  bff: { spiffe_id: "spiffe://aduana.local/bff", authentication: [tls_client_auth] }\n',
};

/** The engine of an `iam_policies.yaml` without its first line, whose role `r` the users of a stream have. */
export function streamEngineOf(iam: string): Promise<Engine> {
  return engineOf(iam, FILES);
}

/** The engine in which the role `r` has these of the permissions `read` and `secret`. */
export function streamEngineWith(...permissions: readonly ('read' | 'secret')[]): Promise<Engine> {
  return streamEngineOf(
    `permissions: [read, secret, nothing]\nroles:\n  r: { permissions: [${['nothing', ...permissions].join(', ')}] }\n`,
  );
}
