import { readFile } from 'node:fs/promises';
import { type BrowserRules, checkBrowserRules } from '@aduana/core/http/browser-rules';
import type { Route } from '@aduana/core/http/route';

const POLICY = `default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

const FILES = [
  { path: '/', file: 'page/index.html', type: 'text/html; charset=utf-8' },
  { path: '/page.js', file: 'page/page.js', type: 'text/javascript; charset=utf-8' },
  { path: '/page.css', file: 'page/page.css', type: 'text/css; charset=utf-8' },
] as const;

/** The page: everything of it from this origin, and nothing of it secret. */
export function createPageRoutes(browser: BrowserRules): readonly Route[] {
  return FILES.map(({ path, file, type }) => ({
    method: 'GET',
    path,
    async handle(request) {
      checkBrowserRules(request, browser);
      return {
        status: 200,
        headers: {
          'content-type': type,
          'content-security-policy': POLICY,
          'referrer-policy': 'no-referrer',
          'cache-control': 'no-cache',
        },
        body: await readFile(new URL(file, import.meta.url)),
      };
    },
  }));
}
