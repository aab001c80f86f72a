// `npm run bench:soak -- --requests=1000000`: whether a gateway's memory stays flat, and its sockets few, over many requests.
// `-- --snapshots` prints what grew between a third of them and the end.
import '../tools/print-help.js';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpuMilliseconds } from './cpu-time.js';
import { heapGrowth } from './heap-growth.js';
import { inspectProcess } from './inspect-process.js';
import { callerToken, prepareAduana, startAduanaGateway, startDeployment } from './start-aduana.js';
import { forkChild, freePorts, nextMessage, stopAll } from './start-process.js';
import { withDatabase } from './with-database.js';

const requests = Number(
  /=(\d+)$/.exec(process.argv.find((one) => one.startsWith('--requests=')))?.[1] ?? 100_000,
);
const snapshots = process.argv.includes('--snapshots');
const EVERY = Math.min(50_000, Math.max(1, Math.floor(requests / 10)));
const CONNECTIONS = 64;
const FOLDER = new URL('results/', import.meta.url);

const module = (name) => new URL(name, import.meta.url).pathname;

async function soak(databaseUrl) {
  const deployment = await prepareAduana(databaseUrl);
  try {
    const { ports } = await nextMessage(
      forkChild(module('workload/serve-subgraphs.js'), { CERTS_DIR: deployment.env.CERTS_DIR }),
    );
    await startDeployment(deployment, ports);
    const [inspector] = await freePorts(1);
    const gateway = await startAduanaGateway(
      { ...deployment, token: () => callerToken(deployment) },
      { NODE_OPTIONS: `--inspect=127.0.0.1:${inspector}`, LOG_LEVEL: 'silent' },
    );
    return await measure(gateway, await inspectProcess(inspector), deployment.folder);
  } finally {
    stopAll();
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    rmSync(deployment.folder, { recursive: true, force: true });
  }
}

async function measure(gateway, inspector, folder) {
  const load = forkChild(module('soak-load.js'));
  const samples = [];
  const counts = {};
  const snapshotAt = (name) => inspector.writeHeapSnapshot(join(folder, name));
  for (let done = 0; done < requests;) {
    const part = Math.min(EVERY, requests - done);
    const cpuBefore = cpuMilliseconds([gateway.child.pid]);
    load.send({
      url: gateway.url,
      headers: await gateway.headers(),
      connections: CONNECTIONS,
      requests: part,
    });
    const { elapsed, counts: own } = await nextMessage(load);
    const cpuMs = (cpuMilliseconds([gateway.child.pid]) - cpuBefore) / part;
    done += part;
    for (const [name, count] of Object.entries(own)) counts[name] = (counts[name] ?? 0) + count;
    const sample = {
      requests: done,
      rps: Math.round((part / elapsed) * 1000),
      cpuMs: Number(cpuMs.toFixed(3)),
      ...(await inspector.memory()),
      files: readdirSync(`/proc/${gateway.child.pid}/fd`).length,
    };
    samples.push(sample);
    console.log(Object.entries(sample).map(([name, value]) => `${name} ${value}`).join('  ')); // prettier-ignore
    if (snapshots && samples.length === Math.ceil(requests / EVERY / 3))
      await snapshotAt('before.heapsnapshot');
  }
  if (snapshots) await snapshotAt('after.heapsnapshot');
  inspector.close();
  const growth = snapshots
    ? heapGrowth(join(folder, 'before.heapsnapshot'), join(folder, 'after.heapsnapshot'))
    : undefined;
  return { samples, counts, growth };
}

/** By least squares over what comes after the first third, in MiB for each million of requests. */
function slopeOf(samples, name) {
  const settled = samples.slice(Math.ceil(samples.length / 3));
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(settled.map(({ requests: at }) => at)), mean(settled.map((sample) => sample[name]))];
  const spread = settled.reduce((sum, { requests: at }) => sum + (at - x) ** 2, 0);
  const common = settled.reduce((sum, sample) => sum + (sample.requests - x) * (sample[name] - y), 0);
  return Number(((common / spread) * 1_000_000).toFixed(1));
}

const { samples, counts, growth } = await withDatabase('soak', soak);
const perMillion = { rssMiB: slopeOf(samples, 'rssMiB'), heapMiB: slopeOf(samples, 'heapMiB') };
console.log('\nanswered', counts);
console.log('growth for each million of requests, after the first third', perMillion);
if (growth !== undefined) console.table(growth);
mkdirSync(FOLDER, { recursive: true });
const report = { measuredAt: new Date().toISOString(), node: process.version, counts, perMillion, samples };
if (requests >= 1_000_000)
  writeFileSync(new URL('soak.json', FOLDER), `${JSON.stringify(report, null, 2)}\n`);
const unexpected = Object.keys(counts).filter((name) => name.includes('UNEXPECTED'));
if (unexpected.length > 0) console.error('unexpected answers:', unexpected);
process.exit(unexpected.length > 0 ? 1 : 0);
