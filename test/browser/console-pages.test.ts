import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { describeInBrowser, openBrowser, type WatchedPage, watchPage } from '../support/browser.ts';
import type { Role } from '../support/console-answers.ts';
import { type ConsoleDouble, startConsoleDouble } from '../support/console-double.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const FIRST_LOAD_BYTES = 250 * 1024;
const PATHS = {
  '/': ['Overview', 'Resumen'],
  '/requests': ['Requests', 'Peticiones'],
  '/requests/EVENT': ['Request', 'Petición'],
  '/integrity': ['Integrity', 'Integridad'],
  '/keys': ['Keys', 'Claves'],
  '/certificates': ['Certificates', 'Certificados'],
  '/policies': ['Policies', 'Políticas'],
  '/graph': ['Graph', 'Grafo'],
  '/services': ['Services', 'Servicios'],
} as const;
const LINKS = ['Overview', 'Requests', 'Integrity', 'Keys', 'Certificates', 'Policies', 'Graph', 'Services'];
/** What each page says is locked, for whom. */
const LOCKED: Readonly<Record<Role, Readonly<Record<string, readonly string[]>>>> = {
  operator: { '/requests': ['audit:events:read'], '/requests/EVENT': ['audit:events:read'] },
  auditor: {
    '/': ['gateway:metrics:read', 'gateway:metrics:read', 'iam:certificates:read', 'sts:keys:read', 'iam:secrets:read'],
    '/keys': ['sts:keys:read', 'iam:secrets:read'],
    '/certificates': ['iam:certificates:read'],
    '/policies': ['iam:policies:read'],
    '/graph': ['gateway:metrics:read', 'iam:policies:read'],
    '/services': ['iam:services:read', 'iam:services:read', 'iam:subjects:revoke'],
  },
  bff: {
    '/': ['gateway:metrics:read', 'gateway:metrics:read', 'audit:proofs:read', 'iam:certificates:read', 'sts:keys:read', 'iam:secrets:read'],
    '/requests': ['audit:events:read'],
    '/requests/EVENT': ['audit:events:read'],
    '/integrity': ['audit:proofs:read'],
    '/keys': ['sts:keys:read', 'audit:proofs:read', 'iam:secrets:read'],
    '/certificates': ['iam:certificates:read'],
    '/policies': ['iam:policies:read'],
    '/graph': ['gateway:metrics:read', 'iam:policies:read'],
    '/services': ['iam:services:read', 'iam:services:read', 'iam:subjects:revoke'],
  },
}; // prettier-ignore
const SCROLLED = `document.querySelector('.event-table').scrollTop`;
const WCAG = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const HOSTILE = '<img src=x onerror=alert(1)>\u202Etxt.exe javascript:alert(1)';

interface AxeResults {
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
}

describeInBrowser('the console', () => {
  let double: ConsoleDouble;
  let browser: Browser;
  let context: BrowserContext | undefined;
  let event: { readonly id: string };

  beforeAll(async () => {
    [double, browser] = await Promise.all([startConsoleDouble('operator'), openBrowser()]);
    for (let at = 0; at < 450; at += 1)
      double.log.append({ type: 'request', sub: 'bff', operation: `Op${String(at)}` });
    event = double.log.append({
      type: 'request',
      sub: HOSTILE,
      operation: HOSTILE + 'x'.repeat(1_000_000),
      outcome: 'PARTIAL',
      act: ['gateway', 'bff'],
      detail: {
        refused: [
          { coordinate: 'Lead.contact', path: 'leads.@.contact', because: [{ missing: 'leads:pii:read', reason: 'not_granted', roles: [{ role: 'bff', location: 'iam_policies.yaml:22' }], granted_by: [{ role: 'sales', location: 'iam_policies.yaml:26' }] }] },
          { coordinate: 'Lead.email', path: 'leads.@.email', because: [{ missing: 'leads:pii:read', reason: 'denied', rule: 'admin/6', location: 'iam_policies.yaml:47' }] },
        ],
      },
    }); // prettier-ignore
  });

  afterAll(async () => {
    await browser.close();
    await double.stop();
  });

  afterEach(async () => {
    double.away.clear();
    await context?.close();
    context = undefined;
  });

  async function openAs(role: Role | undefined, options: Parameters<Browser['newContext']>[0] = {}): Promise<WatchedPage> {
    double.as = role;
    await context?.close();
    context = await browser.newContext({ locale: 'en-GB', reducedMotion: 'reduce', ...options });
    return watchPage(await context.newPage());
  } // prettier-ignore

  async function openPath(page: Page, path: string): Promise<void> {
    await page.goto(double.url + path.replace('EVENT', event.id));
    await page.waitForSelector('h1');
    await page.waitForSelector('main:not(:has-text("Loading"))');
  }

  async function axe(page: Page, rules: readonly string[] = WCAG): Promise<readonly string[]> {
    // The protocol of the debugger, which no policy of the page holds for.
    await page.evaluate(AXE);
    const { violations } = await page.evaluate<AxeResults>(`axe.run({ runOnly: ${JSON.stringify(rules)} })`);
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' ')}`);
  } // prettier-ignore

  describe.each(['operator', 'auditor', 'bff'] as const)('as %s', (role) => {
    test('every page has its heading, its locks and nothing foreign; axe finds nothing, light and dark', async () => {
      const { page, origins, violations } = await openAs(role);
      for (const [path, [title]] of Object.entries(PATHS)) {
        await page.emulateMedia({ colorScheme: 'light' });
        await openPath(page, path);
        expect([path, await page.textContent('h1')]).toEqual([path, title]);
        const locked = await page.evaluate<string[]>(`[...document.querySelectorAll('main p[data-locked]')].map((one) => one.dataset.locked)`);
        expect([path, ...locked]).toEqual([path, ...(LOCKED[role][path] ?? [])]);
        expect([path, await axe(page)]).toEqual([path, []]);
        await page.emulateMedia({ colorScheme: 'dark' });
        expect([path, 'dark', await axe(page, ['color-contrast'])]).toEqual([path, 'dark', []]);
      }
      expect([...origins()]).toEqual([double.url]);
      expect(violations()).toEqual([]);
    }); // prettier-ignore
  });

  test('in Spanish every page has its heading, and the switch keeps the choice', async () => {
    const { page } = await openAs('operator', { locale: 'es-ES' });
    for (const [path, [, title]] of Object.entries(PATHS)) {
      await openPath(page, path);
      expect(await page.textContent('h1')).toBe(title);
    }
    expect(await page.getAttribute('html', 'lang')).toBe('es');
    await page.selectOption('select[aria-label="Idioma"]', 'en');
    await page.waitForSelector('h1:text("Services")');
    await page.reload();
    await page.waitForSelector('h1:text("Services")');
  });

  test('a link leads to each page, and the keyboard to each link', async () => {
    const { page } = await openAs('operator');
    await openPath(page, '/');
    expect(await page.locator('nav.pages a').allTextContents()).toEqual(LINKS);
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.className')).toBe('skip');
    for (const link of LINKS.slice(1)) {
      await page.click(`nav.pages a:text-is("${link}")`);
      await page.waitForSelector(`h1:text-is("${link}")`);
      expect(await page.evaluate('document.activeElement.tagName')).toBe('H1');
    }
  });

  test.each(Object.keys(PATHS))('%s fits into 360 pixels', async (path) => {
    const { page } = await openAs(path.startsWith('/requests') ? 'auditor' : 'operator', {
      viewport: { width: 360, height: 740 },
    });
    await openPath(page, path);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
  });

  test('the first load is at most 250 KB compressed', () => {
    const index = readFileSync('dist/console/web/index.html', 'utf8');
    const chunks = readdirSync('dist/console/web/assets');
    const first = chunks.filter((name) => index.includes(name) || name.startsWith('overview'));
    const bytes = first.reduce(
      (sum, name) => sum + gzipSync(readFileSync(`dist/console/web/assets/${name}`)).length,
      0,
    );
    expect(first.length).toBeGreaterThan(2);
    expect(bytes).toBeLessThan(FIRST_LOAD_BYTES);
  });

  test('a refused request: who through whom, rule and place, what would allow it, and its proof', async () => {
    const { page } = await openAs('auditor');
    await openPath(page, '/requests/EVENT');
    expect(await page.locator('.chain li strong').allTextContents()).toEqual([HOSTILE, 'bff', 'gateway', 'gateway']);
    const contact = page.locator('[data-refused="Lead.contact"]');
    expect(await contact.textContent()).toContain('iam_policies.yaml:22');
    expect(await contact.locator('.allowed-by').textContent()).toContain('sales');
    expect(await page.locator('[data-refused="Lead.email"]').textContent()).toContain('admin/6');
    await page.waitForSelector('[data-proof="verified"]');
    expect(await page.textContent('[data-proof]')).toContain('signature is valid');
    expect(await page.locator('svg.proof .node').count()).toBeGreaterThan(8);
  }); // prettier-ignore

  test('hostile names are text: isolated, cut, and never a link or an element', async () => {
    const { page, violations } = await openAs('auditor');
    await openPath(page, '/requests');
    await page.waitForSelector('.event >> text=<img');
    const cell = page.locator('.event:not(.head)').first().locator('bdi');
    expect(await cell.nth(1).textContent()).toBe(HOSTILE);
    expect((await cell.last().textContent())?.length).toBeLessThan(200);
    await openPath(page, '/requests/EVENT');
    expect(await page.locator('main img').count()).toBe(0);
    expect(await page.locator('a[href^="javascript"]').count()).toBe(0);
    expect((await page.textContent('main'))?.length).toBeLessThan(100_000);
    expect(violations()).toEqual([]);
  });

  test('the log is read by pages, and only the rows in view are rendered', async () => {
    const { page } = await openAs('auditor');
    await openPath(page, '/requests');
    await page.waitForSelector('.event:not(.head)');
    for (let turn = 0; turn < 12; turn += 1) {
      await page.evaluate(`document.querySelector('.event-table').scrollTo(0, 1e9)`);
      await page.waitForTimeout(30);
    }
    await page.waitForSelector('.event >> text="Op0"');
    expect(await page.locator('.event').count()).toBeLessThan(80);
  }); // prettier-ignore

  test('filters are in the address', async () => {
    const { page } = await openAs('auditor');
    await openPath(page, '/requests?outcome=PARTIAL');
    await page.waitForSelector('.event >> text=PARTIAL');
    expect(await page.locator('.event:not(.head)').count()).toBe(1);
    await page.selectOption('label:text("Outcome") + select', 'DENIED');
    await page.waitForURL(/outcome=DENIED/);
    await page.waitForSelector('text=No event of the log fits');
  });

  test('what is rare is looked for page after page, though the first ones hold nothing', async () => {
    const { page } = await openAs('auditor');
    await openPath(page, '/requests?operation=Op0');
    await page.waitForSelector('.event >> text="Op0"');
    await openPath(page, '/requests?operation=Absent');
    await page.waitForSelector('text=No event of the log fits');
  });

  test('200 events a second are shown as they arrive, and do not move what is read', async () => {
    const { page } = await openAs('auditor');
    await openPath(page, '/requests');
    await page.waitForSelector('.live-state >> text=Live');
    await page.evaluate(`
      window.longest = 0; let last = performance.now();
      requestAnimationFrame(function frame(now) { longest = Math.max(longest, now - last); last = now; requestAnimationFrame(frame); });`);
    for (let tick = 0; tick < 30; tick += 1) {
      double.push(20);
      await page.waitForTimeout(100);
    }
    await page.waitForSelector('.event >> text=Live19');
    const longest = await page.evaluate<number>('longest');
    process.stdout.write(`longest frame at 200 events/s: ${longest.toFixed(0)} ms\n`);
    await page.evaluate(`document.querySelector('.event-table').scrollTo(0, 400)`);
    await page.waitForTimeout(100);
    const before = await page.evaluate<number>(SCROLLED);
    double.push(20);
    await page.waitForSelector('.newer');
    expect(await page.evaluate<number>(SCROLLED)).toBe(before);
    await page.click('.newer');
    await page.waitForSelector('.newer', { state: 'detached' });
  }); // prettier-ignore

  test('a part that is away is named, and the page comes back by itself', async () => {
    const { page } = await openAs('auditor');
    double.away.add('audit');
    await openPath(page, '/integrity');
    await page.waitForSelector('[data-away="audit"]');
    double.away.clear();
    await page.waitForSelector('.mark >> text=OK');
    expect(await page.locator('[data-away]').count()).toBe(0);
    double.away.add('gateway');
    await page.goto(`${double.url}/requests/${event.id}`);
    await page.waitForSelector('[data-away="gateway"]');
    double.away.clear();
    await page.waitForSelector('[data-proof="verified"]');
  });

  test('a destructive action asks for the reason and says what it does', async () => {
    const { page } = await openAs('operator');
    await openPath(page, '/services');
    await page.click('button[aria-label="Suspend: bff"]');
    await page.waitForSelector('dialog[open] >> text=within 2 seconds');
    expect(await axe(page)).toEqual([]);
    expect(await page.isDisabled('dialog button[type=submit]')).toBe(true);
    await page.fill('dialog textarea', 'left its laptop on a train');
    await page.check('dialog input[type=checkbox]');
    await page.click('dialog button[type=submit]');
    await page.waitForSelector('dialog >> text=Done');
    expect(double.asked.find(({ operationName }) => operationName === 'SuspendService')?.variables).toEqual({
      id: 'bff',
      reason: 'left its laptop on a train',
    });
  });

  test('whoever lacks the permission finds the action locked', async () => {
    const { page } = await openAs('auditor');
    await openPath(page, '/services');
    expect(await page.locator('main button.danger').count()).toBe(0);
  });

  test('what is pasted is verified without asking any server', async () => {
    const { page } = await openAs(undefined);
    await page.goto(`${double.url}/login`);
    await page.waitForSelector('h1');
    double.as = 'bff';
    await openPath(page, '/integrity');
    const [note, vkey] = [double.log.checkpoint().note, double.log.vkey];
    const seq = 3;
    const proof = { canonical: double.log.events[seq]?.canonical, seq, size: double.log.events.length, hashes: double.log.inclusion(seq), note, vkey };
    await page.fill('textarea >> nth=0', JSON.stringify(proof));
    await page.click('main form button[type=submit]');
    await page.waitForSelector('[data-proof="verified"]');
    await page.fill('textarea >> nth=0', JSON.stringify({ ...proof, seq: 4 }));
    await page.click('main form button[type=submit]');
    await page.waitForSelector('[data-proof="refuted"]');
    const entries = double.log.events.map(({ canonical }) => canonical).join('\n');
    await page.fill('textarea >> nth=0', '');
    await page.setInputFiles('input[type=file]', [
      { name: 'entries.jsonl', mimeType: 'text/plain', buffer: Buffer.from(entries) },
      { name: 'checkpoint', mimeType: 'text/plain', buffer: Buffer.from(note) },
      { name: 'vkey', mimeType: 'text/plain', buffer: Buffer.from(vkey) },
    ]);
    await page.click('main form button[type=submit]');
    await page.waitForSelector('[data-export="verified"]');
  }); // prettier-ignore

  test('a link logs in once, its code leaves the address, and a bad one is refused in words', async () => {
    const { page } = await openAs(undefined);
    await page.goto(`${double.url}/login#code=bad`);
    await page.waitForSelector('[role=alert] >> text=not valid');
    expect(page.url()).toBe(`${double.url}/login`);
    await page.goto(`${double.url}/login?next=//evil.example/#code=good`);
    await page.waitForSelector('h1:text-is("Overview")');
    expect(page.url()).toBe(`${double.url}/`);
    await page.click('.menu summary');
    await page.click('text="Log out"');
    await page.waitForSelector('h1:text-is("Log in")');
  });

  test.each(['/.//evil.example/', '/..//evil.example/', 'http://['])('a link leads nowhere else: next=%s', async (next) => {
    const { page } = await openAs(undefined);
    await page.goto(`${double.url}/login?next=${encodeURIComponent(next)}#code=good`);
    await page.waitForSelector('h1:text-is("Overview")');
    expect(page.url()).toBe(`${double.url}/`);
  }); // prettier-ignore
});
