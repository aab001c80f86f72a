import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createOidcLogin } from '../../console/server/oidc-login.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { openTestProvider, type TestProvider } from '../support/oidc-provider.ts';

const CALLBACK = 'http://127.0.0.1:8090/login/callback';

// The attacker: anybody who reaches the console, begins logins without end, and signs in to none.
let provider: TestProvider;
const clock = createFakeClock();
beforeAll(async () => {
  provider = await openTestProvider(() => CALLBACK);
});
afterAll(() => {
  provider.close();
});

const openLogin = () => {
  const { issuer, clientId } = provider;
  return createOidcLogin({ issuer, clientId, clientSecret: undefined }, clock);
};

test('a thousand logins that others begin take nobody his own away, and each is finished once', async () => {
  const login = openLogin();
  const { url, cookie } = await login.begin(CALLBACK);
  for (let begun = 0; begun < 1_000; begun += 1) await login.begin(CALLBACK);
  const answer = new URL(await provider.signIn(url, 'ana'));
  await expect(login.finish(answer, cookie)).resolves.toMatchObject({ idToken: expect.anything() });
  await expect(login.finish(answer, cookie)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
});

test('a login that is too old, changed, or sealed by another console is none', async () => {
  const login = openLogin();
  const { url, cookie } = await login.begin(CALLBACK);
  const answer = new URL(await provider.signIn(url, 'ana'));
  const changed = `${cookie.slice(0, 60)}${cookie[60] === 'A' ? 'B' : 'A'}${cookie.slice(61)}`;
  const { cookie: foreign } = await openLogin().begin(CALLBACK);
  for (const value of [undefined, '', 'AAAA', changed, foreign])
    await expect(login.finish(answer, value)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  await clock.advance(600_000);
  await expect(login.finish(answer, cookie)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
});
