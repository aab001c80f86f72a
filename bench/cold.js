// `node bench/cold.js`: how long another caller's warm `small` takes while one caller sends new documents, 50 a second.
// Prints p99 idle, p99 beside the flood and their ratio (goal: <= 3), with planning threads and without, and which of
// the gateway's threads took what CPU. `--warm=20` floods for so many seconds before it measures: by then V8 has compiled
// the planner.
import '../tools/print-help.js';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { Pool } from 'undici';
import { cpuByThread } from './cpu-time.js';
import { callerToken, prepareAduana, startAduanaGateway, startDeployment } from './start-aduana.js';
import { forkChild, nextMessage, stopAll } from './start-process.js';
import { withDatabase } from './with-database.js';
import { QUERIES } from './workload/queries.js';

const given = (name) => process.argv.flatMap((argument) => new RegExp(`^--${name}=(\\d+)$`).exec(argument)?.[1] ?? [])[0]; // prettier-ignore
const SECONDS = Number(given('seconds') ?? 10);
const WARM_SECONDS = Number(given('warm') ?? 0);
const NEW_DOCUMENTS_PER_SECOND = 50;
const PAUSE_MS = 5;
const MAIN = resolve(import.meta.dirname, '../dist/cli/main.js');
const run = promisify(execFile);
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

process.env.APOLLO_TELEMETRY_DISABLED = 'true';

/** Asks one thing after the other, and notes how long each takes. */
async function measureSmall(pool, headers, seconds) {
  const body = JSON.stringify({ query: QUERIES.small });
  const latencies = [];
  for (const end = performance.now() + seconds * 1_000; performance.now() < end; await wait(PAUSE_MS)) {
    const began = performance.now();
    const answer = await pool.request({ path: '/graphql', method: 'POST', headers, body });
    const text = await answer.body.text();
    if (answer.statusCode !== 200) throw new Error(text);
    latencies.push(performance.now() - began);
  }
  latencies.sort((one, other) => one - other);
  return (share) => latencies[Math.floor(latencies.length * share)];
}

/** Until it is asked to end; each document is one that nobody has sent before. */
function flood(pool, headers) {
  let sent = 0;
  const statuses = {};
  const timer = setInterval(async () => {
    sent += 1;
    const query = QUERIES.big.replace('Big {', `Big${sent} { n${sent}: user(id: "1") { id }`);
    try {
      const answer = await pool.request({ path: '/graphql', method: 'POST', headers, body: JSON.stringify({ query }) });
      await answer.body.dump();
      statuses[answer.statusCode] = (statuses[answer.statusCode] ?? 0) + 1;
    } catch {
      // The gateway has been left.
    }
  }, 1_000 / NEW_DOCUMENTS_PER_SECOND); // prettier-ignore
  return () => {
    clearInterval(timer);
    return statuses;
  };
}

await withDatabase('cold', async (databaseUrl) => {
  const deployment = await prepareAduana(databaseUrl);
  deployment.env.ACTUATOR_CLIENT_SECRET = randomBytes(32).toString('base64url');
  try {
    const subgraphs = forkChild(new URL('workload/serve-subgraphs.js', import.meta.url).pathname, {
      CERTS_DIR: deployment.env.CERTS_DIR,
    });
    const { ports } = await nextMessage(subgraphs);
    await startDeployment(deployment, ports);
    const env = { ...process.env, ...deployment.env };
    const { stdout } = await run(process.execPath, [MAIN, 'token', '--as', 'actuator'], { env });
    for (const threads of ['1', 'off']) {
      const options = { PLANNING_THREADS: threads };
      const { child, url, headers } = await startAduanaGateway({ ...deployment, token: () => callerToken(deployment) }, options); // prettier-ignore
      const [small, other] = [new Pool(new URL(url).origin, { connections: 1 }), new Pool(new URL(url).origin, { connections: 64 })]; // prettier-ignore
      const own = await headers();
      await measureSmall(small, own, 3);
      const beforeIdle = cpuByThread(child.pid);
      const idle = await measureSmall(small, own, SECONDS);
      const afterIdle = cpuByThread(child.pid);
      const stop = flood(other, { ...own, authorization: `Bearer ${stdout.trim()}` });
      await wait(WARM_SECONDS * 1_000);
      const beforeFlood = cpuByThread(child.pid);
      const flooded = await measureSmall(small, own, SECONDS);
      const afterFlood = cpuByThread(child.pid);
      const statuses = stop();
      const taken = ['main', 'planning', 'others'].map((kind) => {
        const each = [afterIdle[kind] - beforeIdle[kind], afterFlood[kind] - beforeFlood[kind]];
        return `${kind} ${each.map((spent) => (spent / SECONDS).toFixed(0)).join('/')}`;
      });
      const ms = (value) => value.toFixed(2);
      process.stdout.write(
        `PLANNING_THREADS=${threads}: small p50/p99 idle ${ms(idle(0.5))}/${ms(idle(0.99))} ms, beside ${NEW_DOCUMENTS_PER_SECOND} new documents a second ${ms(flooded(0.5))}/${ms(flooded(0.99))} ms: p99 ${(flooded(0.99) / idle(0.99)).toFixed(1)} x; the flood got ${JSON.stringify(statuses)}; CPU ms a second, idle/flood: ${taken.join(', ')}\n`,
      );
      await Promise.allSettled([small.destroy(), other.destroy()]);
    }
  } finally {
    stopAll();
    await wait(3_000);
    rmSync(deployment.folder, { recursive: true, force: true });
  }
});
process.exit();
