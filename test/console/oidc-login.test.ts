import { describe, expect, test } from '@jest/globals';
import { type ConsoleBrowser } from '../support/console-browser.ts';
import { until } from '../support/until.ts';
import { openDeployedConsole } from '../support/deployed-console.ts';

const deployed = openDeployedConsole();
const pathOf = (url: string): string => url.slice(new URL(url).origin.length);

describe('login by OpenID Connect', () => {
  async function beginLogin(): Promise<{ readonly page: ConsoleBrowser; readonly callback: string }> {
    const page = deployed.browser();
    const begun = await page.get('/login/oidc', { 'sec-fetch-site': 'same-origin' });
    expect(begun.headers['set-cookie']?.[0]).toMatch(
      /^aduana-console-login=.*; HttpOnly; SameSite=Lax; Max-Age=600$/,
    );
    expect(begun.headers.location).toContain('code_challenge_method=S256');
    const callback = pathOf(await deployed.provider.signIn(begun.headers.location ?? '', 'ana'));
    return { page, callback };
  }

  test('a user of a trusted issuer has the roles of its claims, and is named with the console as an actor', async () => {
    const { page, callback } = await beginLogin();
    const finished = await page.get(callback, { 'sec-fetch-site': 'cross-site' });
    expect([finished.status, finished.headers.location]).toEqual([302, '/']);
    const { json } = await page.get('/session');
    expect(json).toMatchObject({ subject: 'ana', issuer: deployed.provider.issuer, roles: ['auditor'] });
    const who = await page.graphql('{ whoami { subject kind actors } auditIntegrity { status } }');
    expect(who.json).toMatchObject({
      data: {
        whoami: { subject: 'ana', kind: 'USER', actors: ['gateway', 'console'] },
        auditIntegrity: {},
      },
    });
  });

  test('an answer of the provider counts once, and only in the browser that began the login', async () => {
    const { page, callback } = await beginLogin();
    const { cookie } = page;
    const thief = await deployed.browser().get(callback, { 'sec-fetch-site': 'cross-site' });
    expect(thief.headers.location).toBe('/login?error=UNAUTHENTICATED');
    expect((await page.get(callback)).headers.location).toBe('/');
    page.cookie = cookie;
    expect((await page.get(callback)).headers.location).toBe('/login?error=UNAUTHENTICATED');
  });

  test('a revoked user is signed out', async () => {
    const { page, callback } = await beginLogin();
    await page.get(callback);
    const document = `mutation { revokeSubject(issuer: "${deployed.provider.issuer}", subject: "ana", reason: "left") { subject } }`;
    expect((await deployed.callers.graphql('operator', document)).errors).toEqual([]);
    await until(async () => (await page.get('/session')).status === 401);
  });
});
