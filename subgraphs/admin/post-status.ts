import type { SecurePeer } from '@aduana/core/mtls-client/secure-peer';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Secret } from '@aduana/core/secrets/secret';
import type { FeedEntry } from './status-outbox.ts';

const TIMEOUT_MS = 2_000;
const ANSWER_BYTES = 65_536;

/** One bounded attempt at `POST /sts/status`, with this service's certificate and its token for the STS. */
export function createPostStatus(
  sts: SecurePeer,
  ownToken: (audience: string) => Promise<Secret>,
): (entries: readonly FeedEntry[]) => Promise<void> {
  return async (entries) => {
    const token = await ownToken('sts');
    const { status } = await sts.request({
      method: 'POST',
      path: '/sts/status',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token.reveal()}` },
      body: JSON.stringify({ entries }),
      timeoutMilliseconds: TIMEOUT_MS,
      maxResponseBytes: ANSWER_BYTES,
    });
    if (status !== 200)
      throw new SecurityError('STS_UNAVAILABLE', { detail: `the status feed answered ${String(status)}` });
  };
}
