import { existsSync } from 'node:fs';
import { describe } from '@jest/globals';
import { type Browser, chromium, type Page } from 'playwright-core';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  existsSync,
);

/** A suite in a real browser; says so where there is none. */
export function describeInBrowser(name: string, suite: () => void): void {
  if (CHROMIUM !== undefined) {
    describe(`${name} in Chromium`, suite);
    return;
  }
  process.stderr.write(`Chromium is not installed: not run: ${name}\n`);
  describe.skip(`${name} in Chromium`, suite);
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
  const page = await (await browser.newContext()).newPage();
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
