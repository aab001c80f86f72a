import { readFileSync } from 'node:fs';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { describeInBrowser, openBrowser, openPage, type WatchedPage } from '../support/browser.ts';
import { type ConsoleCallers, openConsoleCallers } from '../support/console-browser.ts';
import { openTestProvider, type TestProvider } from '../support/oidc-provider.ts';
import { startTestDeployment, type TestDeployment } from '../support/running-deployment.ts';
import { LONGEST_WAIT_MS } from '../support/until.ts';

const PAGES = ['Overview', 'Requests', 'Integrity', 'Keys', 'Certificates', 'Policies', 'Graph', 'Services'];
const REFUSED = 'query RefusedContact { leads(first: 1) { company contact { email } } }';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The shipped policies, and users of a provider in the group `ana` as auditors. */
async function policiesTrusting({ issuer, clientId }: TestProvider): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'aduana-policies-'));
  await cp('policies', folder, { recursive: true });
  const entry = `{ issuer: '${issuer}', jwks_uri: '${issuer}/jwks', algorithms: [RS256], audience: ${clientId}, claims: { groups: { ana: auditor } } }`;
  await writeFile(join(folder, 'trusted_issuers.yaml'), `version: 1\nissuers:\n  - ${entry}\n`);
  return folder;
}

describeInBrowser('the console over a deployment', () => {
  let deployment: TestDeployment;
  let browser: Browser;
  let callers: ConsoleCallers;
  let origin: string;
  let provider: TestProvider;
  let policies: string;

  beforeAll(async () => {
    const callback = () => `http://localhost:${String(deployment.ports.CONSOLE_PORT)}/login/callback`;
    provider = await openTestProvider(callback);
    policies = await policiesTrusting(provider);
    const environment = {
      POLICIES_DIR: policies,
      CONSOLE_OIDC_ISSUER: provider.issuer,
      CONSOLE_OIDC_CLIENT_ID: provider.clientId,
    };
    [deployment, browser] = await Promise.all([startTestDeployment({ environment }), openBrowser()]);
    callers = openConsoleCallers(deployment);
    origin = `http://localhost:${String(deployment.ports.CONSOLE_PORT)}`;
  });

  afterAll(async () => {
    await browser.close();
    await callers.close();
    await deployment.stop();
    provider.close();
    await rm(policies, { recursive: true });
  });

  async function logIn(as: string): Promise<WatchedPage> {
    const opened = await openPage(browser);
    opened.page.setDefaultTimeout(LONGEST_WAIT_MS / 2);
    await opened.page.goto(`${origin}/login#code=${await callers.linkCode(as)}`);
    await opened.page.waitForSelector('h1:text-is("Overview")');
    return opened;
  }

  async function settle(page: Page): Promise<void> {
    await page.waitForSelector('main:not(:has-text("Loading"))');
  }

  test.each(['operator', 'auditor', 'bff'])('%s finds every page without a failure, foreign request or violation', async (as) => {
    const { page, origins, violations } = await logIn(as);
    for (const name of PAGES) {
      await page.click(`nav.pages a:text-is("${name}")`);
      await page.waitForSelector(`h1:text-is("${name}")`);
      await settle(page);
      const failures = await page.locator('main [role=alert]').allTextContents();
      expect([name, ...failures]).toEqual([name]);
    }
    expect([...origins()]).toEqual([origin]);
    expect(violations()).toEqual([]);
    const kept = await page.evaluate<string>('JSON.stringify(localStorage) + document.cookie');
    expect(kept).not.toContain('eyJ');
    await page.context().close();
  }); // prettier-ignore

  test('a user of an OpenID provider signs in on its pages, and has the rights of the role', async () => {
    const { page, violations } = await openPage(browser);
    page.setDefaultTimeout(LONGEST_WAIT_MS / 2);
    await page.goto(`${origin}/requests`);
    await page.click('a[href^="/login/oidc"]');
    await page.fill('input[name=login]', 'ana');
    await page.fill('input[name=password]', 'x');
    await page.click('button[type=submit]');
    await page.click('button[type=submit]:has-text("Continue")');
    await page.waitForURL((url) => url.origin === origin);
    await page.click('nav.pages a:text-is("Requests")');
    await page.waitForSelector('.live-state >> text=Live');
    await settle(page);
    expect(await page.locator('main [data-locked], main [role=alert]').count()).toBe(0);
    expect(violations()).toEqual([]);
    await page.context().close();
  });

  test('in Spanish and dark, over what the deployment really answers', async () => {
    const { page, violations } = await logIn('operator');
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.selectOption('select[aria-label="Language"]', 'es');
    for (const name of ['Resumen', 'Integridad']) {
      await page.click(`nav.pages a:text-is("${name}")`);
      await page.waitForSelector(`h1:text-is("${name}")`);
      await page.waitForSelector('main:not(:has-text("Cargando")) .facts');
      await page.evaluate(AXE);
      const { violations: found } = await page.evaluate<{ violations: { id: string }[] }>(`axe.run({ runOnly: ['color-contrast', 'html-has-lang'] })`);
      expect([name, ...found.map(({ id }) => id)]).toEqual([name]);
    }
    expect(await page.getAttribute('html', 'lang')).toBe('es');
    expect(violations()).toEqual([]);
    await page.context().close();
  }); // prettier-ignore

  test('from an audit-id to the rule, what would have allowed it, and a proof that verifies', async () => {
    const { auditId = '' } = await callers.graphql('bff', REFUSED);
    const { page, violations } = await logIn('auditor');
    await page.goto(`${origin}/requests/${auditId}`);
    const contact = page.locator('[data-refused="Lead.contact"]');
    await contact.waitFor();
    expect(await contact.textContent()).toMatch(/leads:pii:read.*bff .*iam_policies\.yaml:\d+/);
    expect(await contact.locator('.allowed-by').textContent()).toMatch(/sales .*iam_policies\.yaml:\d+/);
    await page.waitForSelector('[data-proof="verified"]');
    expect(await page.textContent('[data-proof]')).toContain('signature is valid');
    expect(violations()).toEqual([]);
    await page.context().close();
  });

  test('a request appears live, and what the console reads itself does not', async () => {
    const { page } = await logIn('auditor');
    await page.click('nav.pages a:text-is("Requests")');
    await page.waitForSelector('.live-state >> text=Live');
    await settle(page);
    await callers.graphql('bff', 'query SeenLive { whoami { subject } }');
    await page.waitForSelector('.event >> text=SeenLive');
    const live = await page.locator('.event').allTextContents();
    expect(live.join(' ')).not.toMatch(/auditor.*(Requests|Request|Proof)$/m);
    await page.context().close();
  });

  test('the log only grows between two visits of a browser', async () => {
    const { page } = await logIn('auditor');
    await page.goto(`${origin}/integrity`);
    await page.waitForSelector('text=This browser keeps this checkpoint');
    await callers.graphql('bff', REFUSED);
    await page.reload();
    await page.waitForSelector('[data-growth="verified"]');
    await page.context().close();
  });

  test('a service is suspended with a reason that the log holds, and restored', async () => {
    const { page } = await logIn('operator');
    await page.goto(`${origin}/services`);
    for (const [action, next] of [['Suspend', 'Restore'], ['Restore', 'Suspend']] as const) {
      await page.click(`button[aria-label="${action}: actuator"]`);
      await page.fill('dialog textarea', `${action} it in a test`);
      await page.check('dialog input[type=checkbox]');
      await page.click('dialog button[type=submit]');
      await page.waitForSelector('dialog [role=status], dialog [role=alert]');
      expect(await page.locator('dialog :is([role=status], [role=alert])').allTextContents()).toEqual(['Done.']);
      await page.click('dialog button:text-is("Close")');
      await page.waitForSelector(`button[aria-label="${next}: actuator"]`);
    }
    await page.context().close();
    const auditor = await logIn('auditor');
    await auditor.page.goto(`${origin}/requests?type=service.suspend`);
    await auditor.page.click('.event a');
    await auditor.page.waitForSelector('text=Suspend it in a test');
    await auditor.page.context().close();
  }); // prettier-ignore
});
