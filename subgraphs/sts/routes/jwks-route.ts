import type { Route } from '@aduana/core/http/route';
import { sha256Base64url } from '@aduana/core/platform/digest';
import { JWKS_MAX_AGE_SECONDS, type KeyRing } from '../keys/key-ring.ts';

/** `GET /sts/jwks`: the public keys of this moment (RFC 7517 section 5). */
export function createJwksRoute(ring: Pick<KeyRing, 'published'>): Route {
  return {
    method: 'GET',
    path: '/sts/jwks',
    handle(request) {
      const body = JSON.stringify({ keys: ring.published() });
      const etag = `"${sha256Base64url(body)}"`;
      const headers = { 'cache-control': `public, max-age=${String(JWKS_MAX_AGE_SECONDS)}`, etag };
      const known = (request.headers['if-none-match'] ?? '')
        .split(',')
        .map((tag) => tag.trim().replace(/^W\//, ''));
      return Promise.resolve(
        known.includes(etag) || known.includes('*')
          ? { status: 304, headers }
          : { status: 200, headers: { ...headers, 'content-type': 'application/jwk-set+json' }, body },
      );
    },
  };
}
