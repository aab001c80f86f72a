import { Agent, request } from 'undici';
import type { TrustedIssuer } from '@aduana/server-kit/iam/policy';
import type { FetchedJwks } from '@aduana/core/tokens/jwks-client';

const TIMEOUT_MS = 3_000;
const LARGEST_ANSWER_BYTES = 524_288;

/** Fetches a trusted issuer's JWK set (RFC 7517 section 5): one attempt within seconds, no redirects, bounded size. */
export async function fetchJwks({ jwksUri, ca }: TrustedIssuer): Promise<FetchedJwks> {
  const dispatcher = new Agent({
    connect: { timeout: TIMEOUT_MS, ...(ca === undefined ? {} : { ca }) },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    maxResponseSize: LARGEST_ANSWER_BYTES,
  });
  try {
    const { statusCode, headers, body } = await request(jwksUri, {
      dispatcher,
      headers: { accept: 'application/jwk-set+json, application/json' },
    });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`the key endpoint answered ${String(statusCode)}`);
    return { document: JSON.parse(text), maxAgeSeconds: maxAgeOf(headers['cache-control']) };
  } finally {
    await dispatcher.destroy();
  }
}

/** `max-age` of a Cache-Control header (RFC 9111 section 5.2.2.1). */
export function maxAgeOf(header: string | string[] | undefined): number | undefined {
  const [, seconds] = /(?:^|[\s,])max-age=(\d{1,9})/i.exec([header ?? ''].flat().join(',')) ?? [];
  return seconds === undefined ? undefined : Number(seconds);
}
