import type { SecurityError } from '@aduana/core/errors/security-error';
import { createStsClient } from '@aduana/client/sts/sts-client';
import { Secret } from '@aduana/core/secrets/secret';
import { createSpentProofs } from '@aduana/core/tokens/spent-proofs';
import { createDpopVerifier } from '@aduana/core/tokens/verify-dpop-proof';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createExchange, type Exchange } from '../../gateway/exchange/exchange.ts';
import { createStoppedClock } from '../support/fake-clock.ts';
import { createServiceRequest } from '../support/service-request.ts';
import { describeStores } from '../support/stores.ts';
import { basic, ISSUER, openTestSts, type TestSts } from '../support/test-sts.ts';

const GATEWAY_ADDRESS = '10.0.0.1';
/** More than one client may get wrong in a minute, from one address. */
const GUESSES = 25;

describeStores('an unauthenticated caller that guesses secrets through the gateway', (openStore) => {
  let sts: TestSts;
  let exchange: Exchange;
  beforeAll(async () => {
    sts = await openTestSts({ openStore, clients: ['bff'], clock: createStoppedClock() });
    exchange = await gatewayOf(sts);
  });
  afterAll(() => sts.close());

  const show = (remoteAddress: string, secret?: string): Promise<unknown> => {
    const request = createServiceRequest({ encrypted: true, remoteAddress });
    const header = Secret.of(basic('bff', secret).authorization);
    const credential = { kind: 'basic', header } as const;
    return exchange({ stage: 'authenticated', credential, trace: request.trace }, request);
  };

  test('locks out itself, and not the service whose secret it does not know', async () => {
    const told: unknown[] = [];
    for (let n = 0; n < GUESSES; n += 1)
      await show('198.51.100.66', `wrong ${String(n)}`).catch((error: unknown) =>
        told.push((error as SecurityError).code),
      );
    expect([told[0], told.at(-1)]).toEqual(['UNAUTHENTICATED', 'RATE_LIMITED']);
    await expect(show('198.51.100.66')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    await expect(show('198.51.100.1')).resolves.toMatchObject({ caller: { claims: { sub: 'bff' } } });
  });
});

/** The gateway's token exchange over a connection to the STS, with its own certificate and address. */
async function gatewayOf(sts: TestSts): Promise<Exchange> {
  const peer = await sts.peer('gateway');
  const { clock } = sts.platform;
  return createExchange({
    sts: createStsClient({
      async send({ form, headers }) {
        const answer = await sts.call({
          path: '/sts/token',
          peer,
          remoteAddress: GATEWAY_ADDRESS,
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
    verify: () => Promise.reject(new TypeError('no token was shown')),
    verifyProof: createDpopVerifier({ clock, spend: createSpentProofs(clock) }),
    issuer: ISSUER,
    limitClaims: (claims) => claims,
    isTrustedIssuer: () => false,
    isRegistered: () => true,
  });
}
