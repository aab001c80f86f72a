import { GRANT_TOKEN_EXCHANGE, TOKEN_TYPE_JWT } from '@aduana/core/tokens/token-exchange';
import { expect, test } from '@jest/globals';
import { createStoppedClock } from '../support/fake-clock.ts';
import { describeStores } from '../support/stores.ts';
import { basic, openTestSts } from '../support/test-sts.ts';

const LIMIT = 5;
const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
/** As anybody can make one up: the gateway carries to the STS whatever claims to be of a trusted issuer. */
const MADE_UP = [
  base64url({ alg: 'ES256', kid: 'k', typ: 'JWT' }),
  base64url({ iss: 'https://idp.example.com', sub: 'x' }),
  'AAAA',
].join('.');

describeStores('unauthenticated callers whose made-up tokens the gateway carries', (openStore) => {
  test('cannot fill the log, and known callers go on', async () => {
    const environment = { ANONYMOUS_EVENTS_PER_MINUTE: String(LIMIT) };
    const clock = createStoppedClock();
    const sts = await openTestSts({ openStore, clients: ['bff'], environment, clock });
    const peer = await sts.peer('gateway');
    const carry = (subject_token: string) =>
      sts.token(
        { grant_type: GRANT_TOKEN_EXCHANGE, subject_token, subject_token_type: TOKEN_TYPE_JWT },
        { peer },
      );
    const { body } = await sts.token({ grant_type: 'client_credentials' }, { headers: basic('bff') });
    for (let tries = 0; tries < LIMIT; tries += 1) expect((await carry(MADE_UP)).status).toBe(400);
    for (let tries = 0; tries < 20; tries += 1) expect((await carry(MADE_UP)).status).toBe(429);
    expect((await carry(String(body['access_token']))).status).toBe(200);
    await sts.close();
    const of = (type: string) => sts.records.filter((record) => record.type === type);
    expect(of('token.refuse')).toHaveLength(LIMIT);
    expect(of('request.flood').map(({ detail }) => detail?.['count'])).toEqual([1, 19]);
  });
});
