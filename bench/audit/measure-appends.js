import { setTimeout as sleep } from 'node:timers/promises';
import { RECORD } from './event-record.js';
import { percentiles } from './percentile.js';

const LAG_INTERVAL_MS = 200;

/** Durable events per second with so many waiting at a time, and how far checkpoints were behind at most. */
export async function measureRate({ audit, openClient }, seconds, inFlight) {
  const client = await openClient('rate');
  const lags = [];
  const watch = setInterval(() => void audit.integrity().then(({ lag }) => lags.push(lag)), LAG_INTERVAL_MS);
  const began = performance.now();
  const end = began + seconds * 1000;
  let count = 0;
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (performance.now() < end) {
        await client.record(RECORD);
        count += 1;
      }
    }),
  );
  const rate = (count * 1000) / (performance.now() - began);
  clearInterval(watch);
  await client.close();
  return { rate, lagSeconds: Math.max(0, ...lags) / rate };
}

/** What a request waits for its event, at so many requests per second that do not wait for each other. */
export async function measureLatency({ openClient }, seconds, rate) {
  const client = await openClient('latency');
  const spans = [];
  const cpu = process.cpuUsage();
  await recordSteadily(client, rate, (elapsed) => elapsed < seconds, spans);
  const { user, system } = process.cpuUsage(cpu);
  await client.close();
  return { ...percentiles(spans), cpuUs: Math.round((user + system) / spans.length) };
}

/** Records `rate` events per second while `goOn` says so; the waits go to `spans`. */
export async function recordSteadily(client, rate, goOn, spans) {
  const start = performance.now();
  const pending = [];
  for (;;) {
    const elapsed = (performance.now() - start) / 1000;
    if (!goOn(elapsed)) break;
    while (pending.length < elapsed * rate) {
      const began = performance.now();
      pending.push(client.record(RECORD).then(() => spans.push(performance.now() - began)));
    }
    await sleep(1);
  }
  await Promise.all(pending);
}
