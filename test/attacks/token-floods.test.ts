import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  encodeCertificateChain,
  GRANT_TOKEN_EXCHANGE,
  TOKEN_TYPE_X509_SVID,
} from '@aduana/core/tokens/token-exchange';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createTokenRates } from '../../subgraphs/sts/token/token-rates.ts';
import { createFakeClock, createStoppedClock } from '../support/fake-clock.ts';
import { openGatewayExchange } from '../support/gateway-exchange.ts';
import { describeOneStore } from '../support/stores.ts';
import { basic, openTestSts, type TestSts } from '../support/test-sts.ts';

const MOST = 5;
const RECORDED = 3;

// The attacker: a client with good credentials, who asks for one token after the other.
describeOneStore('a client that asks for tokens without end', (openStore) => {
  let sts: TestSts;
  beforeAll(async () => {
    sts = await openTestSts({
      openStore,
      clients: ['bff', 'actuator'],
      clock: createStoppedClock(),
      environment: { TOKEN_RATE_PER_MINUTE: String(MOST), ANONYMOUS_EVENTS_PER_MINUTE: String(RECORDED) },
    });
  });
  afterAll(() => sts.close());

  const ask = (id: string) => sts.token({ grant_type: 'client_credentials' }, { headers: basic(id) });

  test('gets `slow_down` beyond its rate, while others get theirs', async () => {
    for (let asked = 0; asked < MOST; asked += 1) expect((await ask('bff')).status).toBe(200);
    const { status, body, headers } = await ask('bff');
    expect([status, body['error']]).toEqual([429, 'slow_down']);
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    expect(Number(headers['retry-after'])).toBeLessThanOrEqual(60);
    expect((await ask('actuator')).status).toBe(200);
  });

  test('its refusals are recorded up to a number, and then counted', async () => {
    for (let asked = 0; asked < 3 * RECORDED; asked += 1)
      expect((await ask('bff')).body['error']).toBe('slow_down');
    const refused = sts.records.filter(
      ({ type, detail }) => type === 'token.refuse' && detail?.['error'] === 'slow_down',
    );
    expect(refused).toHaveLength(RECORDED);
    expect(refused[0]).toMatchObject({ outcome: 'DENIED', actor: { sub: 'bff' } });
    expect(sts.records.filter(({ type }) => type === 'request.flood')).toHaveLength(1);
  });

  test('one that acts for others has the rate for each subject', async () => {
    const peer = await sts.peer('gateway');
    const exchange = async (subject: string) =>
      sts.token(
        {
          grant_type: GRANT_TOKEN_EXCHANGE,
          subject_token: encodeCertificateChain((await sts.peer(subject)).chain),
          subject_token_type: TOKEN_TYPE_X509_SVID,
          audience: 'gateway',
        },
        { peer },
      );
    for (let asked = 0; asked < MOST; asked += 1) expect((await exchange('auditor')).status).toBe(200);
    expect((await exchange('auditor')).body['error']).toBe('slow_down');
    expect((await exchange('operator')).status).toBe(200);
  });

  test('a caller of the gateway reads when to try again', async () => {
    const exchange = await openGatewayExchange(sts);
    const header = basic('bff').authorization;
    const { createServiceRequest } = await import('../support/service-request.ts');
    const { authenticate } = await import('../../gateway/authenticate/authenticate.ts');
    const request = createServiceRequest({ headers: { authorization: header }, encrypted: true });
    await expect(exchange(authenticate(request), request)).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      status: 429,
    });
  });
});

test('after a minute a client may ask again', async () => {
  const clock = createFakeClock();
  const audit = { record: () => Promise.resolve('') };
  const rates = createTokenRates({ TOKEN_RATE_PER_MINUTE: 2, ANONYMOUS_EVENTS_PER_MINUTE: 'off' }, audit, {
    clock,
    log: createLog('silent', () => undefined),
  });
  const grant = { client_id: 'bff', sub: 'bff', sub_iss: 'https://sts' };
  await rates.take(grant);
  await clock.advance(20_000);
  await rates.take(grant);
  await expect(rates.take(grant)).rejects.toMatchObject({ code: 'slow_down', retryAfterSeconds: 40 });
  await clock.advance(40_000);
  await expect(rates.take(grant)).resolves.toBeUndefined();
  await expect(rates.take(grant)).rejects.toMatchObject({ code: 'slow_down' });
});
