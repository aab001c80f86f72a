import type { TlsIdentity } from '@aduana/core/mtls/tls-identity';
import type { Clock } from '@aduana/core/platform/clock';
import type { StsConnection } from '@aduana/core/sts-connection/open-sts-connection';
import { createStsClient, type StsClient } from './sts-client.ts';

/** Whose tokens are asked for. */
export interface OpenStsClientOptions {
  /** This service's own certificate, which its tokens are bound to. */
  readonly identity: TlsIdentity;
  readonly clock: Clock;
}

const CALL_TIMEOUT_MS = 3_000;
const ANSWER_BYTES = 262_144;

/** The client of the token endpoint, over an open connection to the STS. */
export function openStsClient(
  { stsPeer, tokenUrl, status }: Pick<StsConnection, 'stsPeer' | 'tokenUrl' | 'status'>,
  { identity, clock }: OpenStsClientOptions,
): StsClient {
  const path = new URL(tokenUrl).pathname;
  return createStsClient({
    send: ({ form, headers }) =>
      stsPeer.request({
        method: 'POST',
        path,
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        body: form.toString(),
        timeoutMilliseconds: CALL_TIMEOUT_MS,
        maxResponseBytes: ANSWER_BYTES,
      }),
    status,
    ownThumbprint: () => identity.current().thumbprint,
    policiesSha256: () => status.policiesSha256,
    clock,
  });
}
