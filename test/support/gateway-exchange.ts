import { createStsClient } from '@aduana/client/sts/sts-client';
import { createSpentProofs } from '@aduana/core/tokens/spent-proofs';
import { createAccessTokenVerifier } from '@aduana/core/tokens/verify-access-token';
import { createDpopVerifier } from '@aduana/core/tokens/verify-dpop-proof';
import { claimsWithin } from '@aduana/server-kit/iam/claims-within';
import { createExchange, type Exchange } from '../../gateway/exchange/exchange.ts';
import type { RequestParts } from './service-request.ts';
import { ISSUER, type TestSts } from './test-sts.ts';

/** The gateway's token exchange over a connection to an STS, with a certificate of the gateway. */
export async function openGatewayExchange(
  sts: TestSts,
  connection: Pick<RequestParts, 'remoteAddress'> = {},
): Promise<Exchange> {
  const peer = await sts.peer('gateway');
  const { clock } = sts.platform;
  const policies = () => sts.clients.policies();
  return createExchange({
    sts: createStsClient({
      async send({ form, headers }) {
        const answer = await sts.call({
          ...connection,
          path: '/sts/token',
          peer,
          headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
          body: form.toString(),
        });
        return { status: answer.status, headers: {}, body: Buffer.from(String(answer.body)) };
      },
      status: sts.status,
      ownThumbprint: () => peer.thumbprint,
      policiesSha256: () => 'p1',
      clock,
    }),
    verify: createAccessTokenVerifier({
      issuer: ISSUER,
      audience: 'gateway',
      keys: sts.ring,
      status: sts.status,
      clock,
    }),
    verifyProof: createDpopVerifier({ clock, spend: createSpentProofs(clock) }),
    issuer: ISSUER,
    limitClaims: (claims) => claimsWithin(policies(), claims),
    isTrustedIssuer: (name) => policies().issuers.has(name),
    isRegistered: ({ spiffeId }) => policies().serviceBySpiffeId(spiffeId) !== undefined,
    clock,
  });
}
