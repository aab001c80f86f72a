import type { SecurityError } from '@aduana/core/errors/security-error';
import { Secret } from '@aduana/core/secrets/secret';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Exchange } from '../../gateway/exchange/exchange.ts';
import { createStoppedClock } from '../support/fake-clock.ts';
import { openGatewayExchange } from '../support/gateway-exchange.ts';
import { createServiceRequest } from '../support/service-request.ts';
import { describeStores } from '../support/stores.ts';
import { basic, openTestSts, type TestSts } from '../support/test-sts.ts';

const GATEWAY_ADDRESS = '10.0.0.1';
/** More than one client may get wrong in a minute, from one address. */
const GUESSES = 25;

describeStores('an unauthenticated caller that guesses secrets through the gateway', (openStore) => {
  let sts: TestSts;
  let exchange: Exchange;
  beforeAll(async () => {
    sts = await openTestSts({ openStore, clients: ['bff'], clock: createStoppedClock() });
    exchange = await openGatewayExchange(sts, { remoteAddress: GATEWAY_ADDRESS });
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
