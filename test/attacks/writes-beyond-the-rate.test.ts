import { expect, test } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { createAssertionRate } from '../../subgraphs/sts/clients/assertion-rate.ts';
import { keys, openAuthenticatingSts, outcomeOf } from '../support/authenticating-sts.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { describeOneStore } from '../support/stores.ts';
import { basic, ISSUER } from '../support/test-sts.ts';

const MOST = 5;
const SLOW_DOWN = [429, 'slow_down'];

// The attacker: a client with good credentials beyond its rate, each of whose requests would still write a row.
describeOneStore('a client beyond its rate', (openStore) => {
  const world = openAuthenticatingSts(openStore, { TOKEN_RATE_PER_MINUTE: String(MOST) });
  const remembered = async (): Promise<number> =>
    (await world.store.writer.query('SELECT id FROM seen_assertions')).rows.length;

  async function prove(): Promise<string> {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    return new SignJWT({ htm: 'POST', htu: `${ISSUER}/sts/token`, iat: world.seconds(), jti: 'one' })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(publicKey) })
      .sign(privateKey);
  }
  const ask = async (client: string, form: Readonly<Record<string, string>>) =>
    world.sts.token(form, { headers: { ...basic(client), dpop: await prove() } });

  test('has no proof remembered', async () => {
    const form = { grant_type: 'client_credentials' };
    for (let asked = 0; asked < MOST; asked += 1) expect((await ask('operator', form)).status).toBe(200);
    expect(await remembered()).toBe(MOST);
    for (let asked = 0; asked < 3; asked += 1)
      expect(outcomeOf(await ask('operator', form))).toEqual(SLOW_DOWN);
    expect(await remembered()).toBe(MOST);
  });

  test('nor one for a grant that it does not get at all', async () => {
    for (const form of [
      { grant_type: 'password' },
      { grant_type: 'client_credentials', scope: 'no:such:scope' },
    ])
      expect((await ask('auditor', form)).status).toBe(400);
    expect(await remembered()).toBe(MOST);
  });

  test('has no assertion remembered, whatever it asks for; one that was used before does not count', async () => {
    const before = await remembered();
    const used = await world.assertion();
    expect((await world.present(used)).status).toBe(200);
    for (let asked = 0; asked < MOST; asked += 1)
      expect(outcomeOf(await world.present(used))).toEqual([401, 'invalid_client']);
    for (let asked = 1; asked < MOST; asked += 1)
      expect((await world.present(await world.assertion(), { grant_type: 'password' })).status).toBe(400);
    for (const signer of keys)
      expect(outcomeOf(await world.present(await world.assertion({}, {}, signer)))).toEqual(SLOW_DOWN);
    expect(await remembered()).toBe(before + MOST);
    expect((await world.present(await world.assertion(), {}, world.replica)).status).toBe(200);
  });
});

test('after a minute the assertions of a client are taken again, and those of others always', async () => {
  const clock = createFakeClock();
  const rate = createAssertionRate(2, clock);
  const spend = (client: string, isNew = true) => rate.spend(client, () => Promise.resolve(isNew));
  expect(await spend('bff', false)).toBe(false);
  await expect(rate.spend('bff', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
  expect([await spend('bff'), await spend('bff')]).toEqual([true, true]);
  await clock.advance(20_000);
  await expect(spend('bff')).rejects.toMatchObject({ code: 'slow_down', retryAfterSeconds: 40 });
  expect(await spend('operator')).toBe(true);
  await clock.advance(40_000);
  expect(await spend('bff')).toBe(true);
});
