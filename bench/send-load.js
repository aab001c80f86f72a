// Sends one request over and over, over a fixed number of connections, and reports latencies. Runs as a child process.
import { Pool } from 'undici';

async function run({ url, headers, body, connections, milliseconds, expected }) {
  const { origin, pathname } = new URL(url);
  const pool = new Pool(origin, { connections, pipelining: 1 });
  const latencies = [];
  let failures = 0;
  let firstFailure;
  const until = performance.now() + milliseconds;
  const one = async () => {
    while (performance.now() < until) {
      const started = performance.now();
      try {
        const response = await pool.request({ path: pathname, method: 'POST', headers, body });
        const text = await response.body.text();
        if (response.statusCode !== 200 || text.length < expected) {
          failures += 1;
          firstFailure ??= text.slice(0, 300);
        }
      } catch (error) {
        failures += 1;
        firstFailure ??= String(error);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      latencies.push(performance.now() - started);
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: connections }, one));
  const elapsed = performance.now() - started;
  await pool.close();
  latencies.sort((a, b) => a - b);
  const at = (share) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))];
  return { requests: latencies.length, elapsed, failures, firstFailure, p50: at(0.5), p99: at(0.99) };
}

process.on('message', async (work) => process.send(await run(work)));
process.on('disconnect', () => process.exit(0));
