// `node bench/console.js [--events=N] [--loads=N] [--only=NAME]`: how long the console's pages take over a large log.
import '../tools/print-help.js';
import { mkdtempSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { option } from './command-options.js';
import { fillLog } from './console/fill-log.js';
import { measureLive } from './console/measure-live.js';
import { inBrowser, measurePages } from './console/measure-pages.js';
import { startWholeDeployment } from './console/start-deployment.js';
import { stopAll } from './start-process.js';
import { withDatabase } from './with-database.js';

const EVENTS = Number(option('events') ?? 1_000_000);
const LOADS = Number(option('loads') ?? 20);
const REFUSED = 'query RefusedContact { leads(first: 1) { company contact { email } } }';

const folder = mkdtempSync(join(tmpdir(), 'aduana-bench-'));
await withDatabase('console', async (url) => {
  try {
    const deployment = await startWholeDeployment(folder, url);
    await fillLog(url, EVENTS);
    await untilSigned(deployment);
    const { auditId } = await deployment.query('bff', REFUSED);
    await inBrowser(deployment, async (browser, sessions) => {
      const where = { browser, sessions, origin: deployment.origin };
      report(await measurePages(where, { auditId, loads: LOADS, only: option('only') }));
      const live = await measureLive(where, url, { perSecond: 200, seconds: 20 });
      console.log(`live at 200 events/s: ${JSON.stringify(live)}`);
    });
  } finally {
    stopAll();
    await sleep(3_000);
  }
});
rmSync(folder, { recursive: true, force: true });

function report(measured) {
  for (const { name, p50Ms, p95Ms, mostMs } of measured)
    console.log(`${name.padEnd(40)} p50 ${p50Ms} ms, p95 ${p95Ms} ms, at most ${mostMs} ms`);
}

/** Whoever opens a page over a log that is just being filled sees its signing too. */
async function untilSigned({ query }) {
  for (;;) {
    const { data } = await query('operator', '{ auditIntegrity { size lag } }');
    if (Number(data.auditIntegrity.size) >= EVENTS && Number(data.auditIntegrity.lag) === 0) return;
    await sleep(1_000);
  }
}
