import { percentile } from '../audit/percentile.js';
import { appendSteadily } from './fill-log.js';

const WARM_SECONDS = 2;

/**
 * The time between frames of the live page while so many events a second are recorded; of all types, so that each is shown.
 */
export async function measureLive({ browser, sessions, origin }, databaseUrl, { perSecond, seconds }) {
  const context = await browser.newContext({ storageState: sessions.auditor });
  const page = await context.newPage();
  await page.goto(`${origin}/requests?type=any`);
  await page.waitForSelector('.live-state .good');
  await page.waitForSelector('.event:not(.head)');
  await appendSteadily(databaseUrl, perSecond, WARM_SECONDS);
  await page.evaluate(watchFrames);
  const { count: appended, lastId } = await appendSteadily(databaseUrl, perSecond, seconds);
  const began = performance.now();
  await page.waitForSelector(`.event a[href="/requests/${lastId}"]`);
  const lastShownAfterMs = Math.round(performance.now() - began);
  const frames = await page.evaluate(() => window.frames_);
  await context.close();
  const at = (share) => Number(percentile(frames, share).toFixed(1));
  const long = frames.filter((span) => span > 100).length;
  return {
    ...{ appended, lastShownAfterMs, frames: frames.length },
    ...{ p50Ms: at(50), p99Ms: at(99), mostMs: at(100), over100Ms: long },
  };
}

/** In the page. */
function watchFrames() {
  window.frames_ = [];
  let last = performance.now();
  requestAnimationFrame(function frame(now) {
    window.frames_.push(now - last);
    last = now;
    requestAnimationFrame(frame);
  });
}
