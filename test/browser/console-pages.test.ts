import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { describeInBrowser } from '../support/browser.ts';
import type { Role } from '../support/console-permissions.ts';
import { openConsolePages, PATHS } from '../support/console-pages.ts';

const FIRST_LOAD_BYTES = 250 * 1024;
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

describeInBrowser('the pages of the console', () => {
  const pages = openConsolePages();
  const { axe, openAs, openPath } = pages;

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
      expect([...origins()]).toEqual([pages.double.url]);
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

  test('a source beyond its account is named where the log is summed up, and with what is not known of it', async () => {
    const { page } = await openAs('operator');
    await openPath(page, '/');
    expect(await page.textContent('dt:text-is("Sources beyond their account") + dd')).toBe('leads');
    await openPath(page, '/integrity');
    const row = page.locator('section:has(h2:text-is("Sources beyond their account")) tbody tr');
    expect(await row.locator('td, th').allTextContents()).toEqual(['leads', '10,000', '3']);
    expect(await page.textContent('main')).not.toContain('every counter of every source is there');
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
});
