import { SecurityError } from '@aduana/core/errors/security-error';
import { type BrowserRules, checkBrowserRules, checkHost } from '@aduana/core/http/browser-rules';
import type { ServiceRequest } from '@aduana/core/http/route';

/** What a browser says that a navigation of its own is for; anything else would show the page inside another one. */
const NAVIGATIONS: readonly unknown[] = [undefined, 'document', 'empty'];

/**
 * Lets a data request through that a page of this origin made: by `Origin`, which another site cannot forge, and by
 * Fetch Metadata, where the browser sends it. A `GET` of the same origin has no `Origin`: there Fetch Metadata decides.
 *
 * @throws SecurityError `MISDIRECTED_REQUEST` or `ORIGIN_FORBIDDEN`
 */
export function requireSameOrigin(request: ServiceRequest, rules: BrowserRules): void {
  checkBrowserRules(request, rules);
  const { origin } = request.headers;
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') throw new SecurityError('ORIGIN_FORBIDDEN');
  if (origin !== undefined) return; // it is this one, or the rules above had refused it
  if (request.method === 'POST' || site === undefined) throw new SecurityError('ORIGIN_FORBIDDEN');
}

/**
 * Lets a navigation through, wherever its link is, and no frame.
 *
 * @throws SecurityError `MISDIRECTED_REQUEST` or `ORIGIN_FORBIDDEN`
 */
export function requireNavigation(request: ServiceRequest, rules: BrowserRules): void {
  checkHost(request, rules);
  if (!NAVIGATIONS.includes(request.headers['sec-fetch-dest'])) throw new SecurityError('ORIGIN_FORBIDDEN');
}
