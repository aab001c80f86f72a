import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { afterAll, afterEach, beforeAll } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { openBrowser, type WatchedPage, watchPage } from './browser.ts';
import type { Role } from './console-permissions.ts';
import { type ConsoleDouble, startConsoleDouble } from './console-double.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The pages, with their headings in English and in Spanish. */
export const PATHS = {
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

const WCAG = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
/** A name that a browser would take for markup, a link or text in the other direction. */
export const HOSTILE = '<img src=x onerror=alert(1)>\u202Etxt.exe javascript:alert(1)';

interface AxeResults {
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
}

/** The console's pages over a double of its backend with 450 requests and one hostile one, in a browser. */
export interface ConsolePages {
  readonly double: ConsoleDouble;
  /** The hostile request. */
  readonly event: { readonly id: string };
  /** A new page, signed in with this role; undefined: signed out. */
  openAs(role: Role | undefined, options?: Parameters<Browser['newContext']>[0]): Promise<WatchedPage>;
  /** Goes to a path of `PATHS`, until what it reads is there. */
  openPath(page: Page, path: string): Promise<void>;
  /** What axe finds, by default by the rules of WCAG 2.2 AA. */
  axe(page: Page, rules?: readonly string[]): Promise<readonly string[]>;
}

/** To be called once, outside the tests. */
export function openConsolePages(): ConsolePages {
  const opened = {} as { double: ConsoleDouble; event: { readonly id: string } };
  let browser: Browser;
  let context: BrowserContext | undefined;

  beforeAll(async () => {
    [opened.double, browser] = await Promise.all([startConsoleDouble('operator'), openBrowser()]);
    for (let at = 0; at < 450; at += 1)
      opened.double.log.append({ type: 'request', sub: 'bff', operation: `Op${String(at)}` });
    opened.event = opened.double.log.append({
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
    await opened.double.stop();
  });

  afterEach(async () => {
    opened.double.away.clear();
    await context?.close();
    context = undefined;
  });

  async function openAs(role: Role | undefined, options: Parameters<Browser['newContext']>[0] = {}): Promise<WatchedPage> {
    opened.double.as = role;
    await context?.close();
    context = await browser.newContext({ locale: 'en-GB', reducedMotion: 'reduce', ...options });
    return watchPage(await context.newPage());
  } // prettier-ignore

  async function openPath(page: Page, path: string): Promise<void> {
    await page.goto(opened.double.url + path.replace('EVENT', opened.event.id));
    await page.waitForSelector('h1');
    await page.waitForSelector('main:not(:has-text("Loading"))');
  }

  async function axe(page: Page, rules: readonly string[] = WCAG): Promise<readonly string[]> {
    // The protocol of the debugger, which no policy of the page holds for.
    await page.evaluate(AXE);
    const { violations } = await page.evaluate<AxeResults>(`axe.run({ runOnly: ${JSON.stringify(rules)} })`);
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' ')}`);
  } // prettier-ignore

  return Object.assign(opened, { openAs, openPath, axe });
}
