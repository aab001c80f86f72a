import { expect, test } from '@jest/globals';
import { describeInBrowser } from '../support/browser.ts';
import { openConsolePages } from '../support/console-pages.ts';

describeInBrowser('what one does in the console', () => {
  const pages = openConsolePages();
  const { axe, openAs, openPath } = pages;

  test('a part that is away is named, and the page comes back by itself', async () => {
    const { page } = await openAs('auditor');
    pages.double.away.add('audit');
    await openPath(page, '/integrity');
    await page.waitForSelector('[data-away="audit"]');
    pages.double.away.clear();
    await page.waitForSelector('.mark >> text=OK');
    expect(await page.locator('[data-away]').count()).toBe(0);
    pages.double.away.add('gateway');
    await page.goto(`${pages.double.url}/requests/${pages.event.id}`);
    await page.waitForSelector('[data-away="gateway"]');
    pages.double.away.clear();
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
    expect(
      pages.double.asked.find(({ operationName }) => operationName === 'SuspendService')?.variables,
    ).toEqual({
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
    await page.goto(`${pages.double.url}/login`);
    await page.waitForSelector('h1');
    pages.double.as = 'bff';
    await openPath(page, '/integrity');
    const [note, vkey] = [pages.double.log.checkpoint().note, pages.double.log.vkey];
    const seq = 3;
    const proof = { canonical: pages.double.log.events[seq]?.canonical, seq, size: pages.double.log.events.length, hashes: pages.double.log.inclusion(seq), note, vkey };
    await page.fill('textarea >> nth=0', JSON.stringify(proof));
    await page.click('main form button[type=submit]');
    await page.waitForSelector('[data-proof="verified"]');
    await page.fill('textarea >> nth=0', JSON.stringify({ ...proof, seq: 4 }));
    await page.click('main form button[type=submit]');
    await page.waitForSelector('[data-proof="refuted"]');
    const entries = pages.double.log.events.map(({ canonical }) => canonical).join('\n');
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
    await page.goto(`${pages.double.url}/login#code=bad`);
    await page.waitForSelector('[role=alert] >> text=not valid');
    expect(page.url()).toBe(`${pages.double.url}/login`);
    await page.goto(`${pages.double.url}/login?next=//evil.example/#code=good`);
    await page.waitForSelector('h1:text-is("Overview")');
    expect(page.url()).toBe(`${pages.double.url}/`);
    await page.click('.menu summary');
    await page.click('text="Log out"');
    await page.waitForSelector('h1:text-is("Log in")');
  });

  test.each(['/.//evil.example/', '/..//evil.example/', 'http://['])('a link leads nowhere else: next=%s', async (next) => {
    const { page } = await openAs(undefined);
    await page.goto(`${pages.double.url}/login?next=${encodeURIComponent(next)}#code=good`);
    await page.waitForSelector('h1:text-is("Overview")');
    expect(page.url()).toBe(`${pages.double.url}/`);
  }); // prettier-ignore
});
