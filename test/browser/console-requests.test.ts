import { expect, test } from '@jest/globals';
import { describeInBrowser } from '../support/browser.ts';
import { HOSTILE, openConsolePages } from '../support/console-pages.ts';

const SCROLLED = `document.querySelector('.event-table').scrollTop`;

describeInBrowser('the pages of requests in the console', () => {
  const pages = openConsolePages();
  const { openAs, openPath } = pages;

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
      pages.double.push(20);
      await page.waitForTimeout(100);
    }
    await page.waitForSelector('.event >> text=Live19');
    const longest = await page.evaluate<number>('longest');
    process.stdout.write(`longest frame at 200 events/s: ${longest.toFixed(0)} ms\n`);
    await page.evaluate(`document.querySelector('.event-table').scrollTo(0, 400)`);
    await page.waitForTimeout(100);
    const before = await page.evaluate<number>(SCROLLED);
    pages.double.push(20);
    await page.waitForSelector('.newer');
    expect(await page.evaluate<number>(SCROLLED)).toBe(before);
    await page.click('.newer');
    await page.waitForSelector('.newer', { state: 'detached' });
  }); // prettier-ignore
});
