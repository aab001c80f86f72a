import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { describeInBrowser, openBrowser, openPage } from '../support/browser.ts';
import { until } from '../support/until.ts';
import {
  deploymentEnvironment,
  startTestDeployment,
  type TestDeployment,
} from '../support/running-deployment.ts';

const SANDBOX_SCRIPT = 'https://embeddable-sandbox.cdn.apollographql.com/**';
const ROTATE = 'mutation { rotateSigningKeys(mode: NOW, reason: "in the browser") { active { kid } } }';

/** GraphiQL's editor, as its own script holds it. */
interface EditorElement {
  readonly CodeMirror: { setValue(text: string): void; getValue(): string };
}

describeInBrowser('the pages', () => {
  let deployment: TestDeployment;
  let browser: Browser;
  let bff: ChildProcess;
  let origin: string;
  let bffOrigin: string;

  beforeAll(async () => {
    [deployment, browser] = await Promise.all([startTestDeployment(), openBrowser()]);
    origin = `http://localhost:${String(deployment.ports.GATEWAY_HTTP_PORT)}`;
    bff = spawn(process.execPath, ['dist/cli/main.js', 'bff'], {
      env: deploymentEnvironment(deployment.folder, { BFF_PORT: '0' }),
    });
    const [line] = (await once(bff.stdout ?? bff, 'data')) as [Buffer];
    bffOrigin = /http:\/\/localhost:\d+/.exec(line.toString())?.[0] ?? '';
  });

  afterAll(async () => {
    bff.kill('SIGINT');
    await once(bff, 'exit');
    await browser.close();
    await deployment.stop();
  });

  async function logIn(page: Page, service: string): Promise<void> {
    const { stdout } = await deployment.aduana('token', '--as', service);
    await page.fill('#token', stdout.trim());
    await page.click('#use');
    await page.waitForSelector(`#who:text("${service}")`);
  }

  async function run(page: Page, document: string): Promise<{ data?: unknown; errors?: unknown }> {
    await page.locator('.graphiql-query-editor .CodeMirror').evaluate((element, text) => {
      (element as unknown as EditorElement).CodeMirror.setValue(text);
    }, document);
    // A login has the schema asked for anew, whose answer may come at any time.
    const answered = page.waitForResponse(
      (response) =>
        response.url().endsWith('/graphql') && response.request().postData()?.includes('__schema') !== true,
    );
    await page.click('.graphiql-execute-button');
    return (await (await answered).json()) as { data?: unknown; errors?: unknown };
  }

  test('GraphiQL: log in, see a filtered schema and a refusal, rotate keys as another, log out', async () => {
    const { page, origins, violations } = await openPage(browser);
    await page.goto(`${origin}/graphiql`);
    await page.waitForSelector('.graphiql-container');

    const introspected = page.waitForResponse(async (response) =>
      (await response.text()).includes('__schema'),
    );
    await logIn(page, 'bff');
    const schema = await (await introspected).text();
    expect(schema).toContain('"leads"');
    expect(schema).not.toContain('rotateSigningKeys');

    expect(await run(page, '{ leads(first: 1) { company contact { email } } }')).toMatchObject({
      data: { leads: [{ company: 'Transportes Ebro', contact: null }] },
    });
    expect(await page.textContent('#refusals')).toContain('UNAUTHORIZED_FIELD_OR_TYPE at leads.@.contact');
    expect(await run(page, ROTATE)).toMatchObject({ data: null });

    await logIn(page, 'operator');
    const rotation = await run(page, ROTATE);
    expect(rotation).toMatchObject({ data: { rotateSigningKeys: { active: { kid: expect.any(String) } } } });
    expect(rotation.errors).toBeUndefined();

    await page.click('#forget');
    await page.waitForSelector('#who:text("Nobody")');
    expect(await run(page, '{ whoami { subject } }')).toMatchObject({
      errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
    });

    expect([...origins()]).toEqual([origin]);
    expect(violations()).toEqual([]);
    expect(await page.evaluate('JSON.stringify(localStorage)')).not.toContain('eyJ');
  });

  test('GraphiQL runs subscriptions, and shows the parts of an answer as they come', async () => {
    const { page, violations } = await openPage(browser);
    await page.goto(`${origin}/graphiql`);
    await page.waitForSelector('.graphiql-container');
    await logIn(page, 'bff');
    const start = async (document: string): Promise<void> => {
      // The button stops what runs.
      await page.waitForSelector('.graphiql-execute-button[aria-label^="Execute"]');
      await page.locator('.graphiql-query-editor .CodeMirror').evaluate((element, text) => {
        (element as unknown as EditorElement).CodeMirror.setValue(text);
      }, document);
      await page.click('.graphiql-execute-button');
    };
    const shown = () =>
      page
        .locator('.result-window .CodeMirror')
        .evaluate((element) => (element as unknown as EditorElement).CodeMirror.getValue());
    await start('{ leads(first: 1) { id ... @defer { company contact { email } } } }');
    await until(async () => (await shown()).includes('company'));
    expect(JSON.parse(await shown())).toMatchObject({
      data: { leads: [{ id: expect.any(String), company: expect.any(String), contact: null }] },
    });
    await start('subscription { leadChanged { id company contact { email } } }');
    let step = 0;
    const advance = async (): Promise<void> => {
      step += 1;
      const to = step % 2 === 0 ? 'NEW' : 'CONTACTED';
      await deployment.aduana(
        'query', '--as', 'actuator',
        `mutation { advanceLead(id: "lead-4", to: ${to}, idempotencyKey: "graphiql-${String(step)}-key") { id } }`,
      ); // prettier-ignore
    };
    await until(async () => (await shown()).includes('leadChanged'), advance);
    expect(JSON.parse(await shown())).toMatchObject({
      data: { leadChanged: { id: 'lead-4', contact: null } },
    });
    expect(await page.textContent('#refusals')).toContain(
      'UNAUTHORIZED_FIELD_OR_TYPE at leadChanged.contact',
    );
    await page.click('.graphiql-execute-button'); // stops it
    expect(violations()).toEqual([]);
  });

  test('credentials that do not hold are refused in words', async () => {
    const { page } = await openPage(browser);
    await page.goto(`${origin}/graphiql`);
    await page.selectOption('#kind', 'secret');
    await page.fill('#service', 'bff');
    await page.fill('#secret', 'wrong');
    await page.click('#use');
    await page.waitForSelector('#who:text("Not accepted: UNAUTHENTICATED")');
  });

  test('Sandbox asks through our page, with the caller’s credentials and to our endpoint alone', async () => {
    const { page, violations } = await openPage(browser);
    await page.route(SANDBOX_SCRIPT, (route) =>
      route.fulfill({
        contentType: 'text/javascript',
        body: 'window.EmbeddedSandbox = class { constructor(options) { window.sandbox = options; } };',
      }),
    );
    await page.goto(origin);
    await page.waitForFunction('window.sandbox');
    await logIn(page, 'bff');
    const answer = await page.evaluate(`window.sandbox
      .handleRequest('https://evil.example/', { body: JSON.stringify({ query: '{ whoami { subject } }' }) })
      .then((response) => response.json())`);
    expect(answer).toEqual({ data: { whoami: { subject: 'bff' } } });
    expect(violations()).toEqual([]);
  });

  test('without internet, the landing page says so and names GraphiQL', async () => {
    const { page } = await openPage(browser);
    await page.route(SANDBOX_SCRIPT, (route) => route.abort());
    await page.goto(origin);
    await page.waitForSelector('#explorer a[href="/graphiql"]');
  });

  test('the BFF lists leads, shows what was refused, and asks nobody else', async () => {
    const { page, origins, violations } = await openPage(browser);
    await page.goto(bffOrigin);
    await page.waitForSelector('#leads tr');
    expect(await page.locator('#leads tr').count()).toBe(10);
    expect(await page.textContent('#leads tr')).toContain('not for you');
    expect(await page.textContent('#refused')).toContain('leads.contact: UNAUTHORIZED_FIELD_OR_TYPE');
    expect([...origins()]).toEqual([bffOrigin]);
    expect(violations()).toEqual([]);
  });

  test('the BFF: a sign-in that does not hold shows a sentence and no data', async () => {
    const { page } = await openPage(browser);
    await page.goto(bffOrigin);
    await page.waitForSelector('#leads tr');
    await page.fill('#token', 'not-a-token');
    await page.click('button[type=submit]');
    await page.waitForSelector('#message:text("sign in again")');
    expect(await page.locator('#leads tr').count()).toBe(0);
  });

  test('the BFF: with the gateway away, the page says so and shows no raw error', async () => {
    const { page } = await openPage(browser);
    await deployment.stop();
    await page.goto(bffOrigin);
    await page.waitForSelector('#message:text("not available")');
  });
});
