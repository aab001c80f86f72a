import type { Route } from '@aduana/core/http/route';
import { GRANT_CLIENT_CREDENTIALS, GRANT_TOKEN_EXCHANGE } from '@aduana/core/tokens/token-exchange';
import { DPOP_ALGORITHMS } from '@aduana/core/tokens/verify-dpop-proof';
import { ASSERTION_ALGORITHMS } from '../clients/client-assertion.ts';

/** `GET /.well-known/oauth-authorization-server`: what this issuer offers (RFC 8414 section 2, RFC 8705 section 3.3,
 * RFC 9449 section 5.1). */
export function createMetadataRoute(issuer: string): Route {
  const methods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'tls_client_auth'];
  const body = JSON.stringify({
    issuer,
    token_endpoint: `${issuer}/sts/token`,
    jwks_uri: `${issuer}/sts/jwks`,
    introspection_endpoint: `${issuer}/sts/introspect`,
    revocation_endpoint: `${issuer}/sts/revoke`,
    grant_types_supported: [GRANT_CLIENT_CREDENTIALS, GRANT_TOKEN_EXCHANGE],
    response_types_supported: [],
    token_endpoint_auth_methods_supported: methods,
    token_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
    introspection_endpoint_auth_methods_supported: methods,
    introspection_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
    revocation_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
    tls_client_certificate_bound_access_tokens: true,
    dpop_signing_alg_values_supported: DPOP_ALGORITHMS,
  });
  return {
    method: 'GET',
    path: '/.well-known/oauth-authorization-server',
    handle: () =>
      Promise.resolve({
        status: 200,
        headers: { 'content-type': 'application/json', 'cache-control': 'public, max-age=300' },
        body,
      }),
  };
}
