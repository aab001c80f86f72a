import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { percentile } from '../audit/percentile.js';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const ROW = '.event:not(.head)';
/** That there is nothing, or nothing so far. */
const NONE = '.notice';

/** What is there once the answer of the services is shown; nothing of the page says then that it still loads. */
const pagesOf = (auditId) => [
  { name: 'Overview', as: 'operator', path: '/', content: '.facts a[href="/integrity"]' },
  { name: 'Requests', as: 'auditor', path: '/requests', content: ROW },
  { name: 'Requests, all types', as: 'auditor', path: '/requests?type=any', content: ROW },
  { name: 'Requests, DENIED', as: 'auditor', path: '/requests?outcome=DENIED', content: ROW },
  { name: 'Requests, a frequent field', as: 'auditor', path: '/requests?field=Lead.score', content: ROW },
  { name: 'Requests, actor and outcome, none', as: 'auditor', path: '/requests?actor=actuator&outcome=FAILED&operation=Absent', content: NONE },
  { name: 'Requests, unknown actor, none', as: 'auditor', path: '/requests?actor=nobody', content: NONE },
  { name: 'Requests, type and outcome, none', as: 'auditor', path: '/requests?type=token.exchange&outcome=PARTIAL', content: NONE },
  { name: 'Requests, unknown field, none', as: 'auditor', path: '/requests?field=Query.absent', content: NONE },
  { name: 'the same, to the end of the log', as: 'auditor', path: '/requests?field=Query.absent', content: NONE, text: 'No event' },
  { name: 'Requests, before the log, none', as: 'auditor', path: '/requests?until=2001-01-01T00:00:00.000Z', content: NONE },
  { name: 'Request, proof verified', as: 'auditor', path: `/requests/${auditId}`, content: '[data-proof="verified"]' },
  { name: 'Integrity', as: 'auditor', path: '/integrity', content: '.facts [aria-label*="vkey"]' },
]; // prettier-ignore

/** Runs `work` in Chromium, signed in as the operator and as the auditor. */
export async function inBrowser({ loginUrl }, work) {
  const browser = await chromium.launch({
    executablePath: CHROMIUM.find((path) => existsSync(path)),
    args: ['--no-sandbox'],
  });
  try {
    const sessions = {};
    for (const as of ['operator', 'auditor']) sessions[as] = await signIn(browser, await loginUrl(as));
    return await work(browser, sessions);
  } finally {
    await browser.close();
  }
}

/** Milliseconds from the start of a navigation, with an empty cache, until the content of a page is shown. */
export async function measurePages({ browser, sessions, origin }, { auditId, loads, only }) {
  const measured = [];
  for (const page of pagesOf(auditId).filter(({ name }) => only === undefined || name.includes(only)))
    measured.push(await measurePage(browser, sessions[page.as], { ...page, url: origin + page.path, loads }));
  return measured;
}

async function signIn(browser, url) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(url);
  await page.waitForSelector('h1:text-is("Overview")');
  const state = await context.storageState();
  await context.close();
  return state;
}

async function measurePage(browser, storageState, { name, url, content, text = '', loads }) {
  const spans = [];
  for (let load = 0; load < loads; load += 1) {
    const context = await browser.newContext({ storageState });
    const page = await context.newPage();
    const shown = new Promise((resolve) => {
      void page.exposeFunction('tellContentShown', resolve);
    });
    await page.addInitScript(watchFor, { content, text });
    await page.goto(url, { waitUntil: 'commit' });
    const at = await Promise.race([shown, sleep(60_000, undefined, { ref: false })]);
    if (at === undefined)
      throw new Error(`${name}: no content; the page shows ${await page.textContent('body')}`);
    spans.push(at);
    await context.close();
  }
  const at = (share) => Math.round(percentile(spans, share));
  return { name, loads, p50Ms: at(50), p95Ms: at(95), mostMs: at(100) };
}

/** In the page: notes when its content is there and painted. */
function watchFor({ content, text }) {
  const look = () => {
    const main = document.querySelector('main');
    const shown = main?.querySelector(content);
    if (!shown?.textContent.includes(text) || main.textContent.includes('Loading')) return;
    observer.disconnect();
    requestAnimationFrame(() => requestAnimationFrame((now) => window.tellContentShown(now)));
  };
  const observer = new MutationObserver(look);
  observer.observe(document, { childList: true, subtree: true, characterData: true, attributes: true });
}
