import { type Browser, chromium, type Page } from 'playwright-core';
import { commandsOf, describeWith } from './foreign-parts.ts';

const [CHROMIUM] = commandsOf('chromium', 'chromium-browser', 'google-chrome');

/** A suite in a real browser. */
export function describeInBrowser(name: string, suite: () => void): void {
  describeWith('Chromium', CHROMIUM !== undefined, `${name} in Chromium`, suite);
}

export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM ?? '', args: ['--no-sandbox'] });
}

export interface WatchedPage {
  readonly page: Page;
  /** The origins that the page has asked so far. */
  origins(): ReadonlySet<string>;
  /** What it broke of its content security policy. */
  violations(): readonly string[];
}

/** A page of its own profile, watched. */
export async function openPage(browser: Browser): Promise<WatchedPage> {
  return watchPage(await (await browser.newContext()).newPage());
}

export function watchPage(page: Page): WatchedPage {
  const origins = new Set<string>();
  const violations: string[] = [];
  page.on('request', (request) => {
    if (!request.url().startsWith('data:')) origins.add(new URL(request.url()).origin);
  });
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) violations.push(message.text());
  });
  page.on('pageerror', (error) => violations.push(error.message));
  return { page, origins: () => origins, violations: () => violations };
}
