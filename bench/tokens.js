// `npm run bench:tokens`: what a token costs to issue and to verify, beside a bare server that only signs and jose alone.
import '../tools/print-help.js';
import { readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { decodeJwt } from 'jose';
import { cpuMilliseconds, residentMebibytes } from './cpu-time.js';
import { measureVerification } from './measure-verification.js';
import { callerToken, prepareAduana } from './start-aduana.js';
import {
  forkChild,
  freePorts,
  GATEWAY_CORE,
  nextMessage,
  OTHER_CORE,
  startProgram,
  stopAll,
} from './start-process.js';

const smoke = process.argv.includes('--smoke');
const TIMES = smoke
  ? { rounds: 1, warmMs: 500, measureMs: 1_000 }
  : { rounds: 5, warmMs: 2_000, measureMs: 4_000 };
const IN_FLIGHT = 32;
const POSTGRES = process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres';
const DATABASE = `aduana_bench_tokens_${process.pid}`;
const MAIN = resolve(import.meta.dirname, '../dist/cli/main.js');

const admin = new pg.Client({ connectionString: POSTGRES });
await admin.connect();
await admin.query(`CREATE DATABASE ${DATABASE}`);
let deployment;
try {
  deployment = await prepareAduana(Object.assign(new URL(POSTGRES), { pathname: `/${DATABASE}` }).href);
  const { env } = deployment;
  env.TOKEN_RATE_PER_MINUTE = 'off'; // one client asks for as many as it can get
  const trust = { NODE_EXTRA_CA_CERTS: join(env.CERTS_DIR, 'ca.crt') };
  const answers = async (url) => {
    const probe = forkChild(new URL('probe.js', import.meta.url).pathname, { ...trust, URL: url });
    if ((await nextMessage(probe)) !== 200) throw new Error('not ready');
  };
  const service = (name, port, core) =>
    startProgram({
      name,
      command: [process.execPath, MAIN, name],
      env,
      core,
      isReady: () => answers(`https://localhost:${port}/health`),
    });
  const sts = await service('sts', env.STS_PORT, GATEWAY_CORE);
  const audit = await service('audit', env.AUDIT_PORT, OTHER_CORE);
  const token = await callerToken(deployment);
  const [port] = await freePorts(1);
  const signer = await startProgram({
    name: 'bare signer',
    command: [process.execPath, new URL('gateways/bare-signer.js', import.meta.url).pathname],
    env: { ...env, PORT: String(port), CLAIMS: JSON.stringify(decodeJwt(token)) },
    core: GATEWAY_CORE,
    isReady: () => answers(`https://localhost:${port}/`),
  });

  const authorization = `Basic ${Buffer.from(`bff:${env.BFF_CLIENT_SECRET}`).toString('base64')}`;
  const candidates = [
    { name: 'bare signer', url: `https://localhost:${port}/`, child: signer, others: [] },
    {
      name: 'aduana sts',
      url: `https://localhost:${env.STS_PORT}/sts/token`,
      child: sts,
      others: [audit.pid],
    },
  ];
  const load = forkChild(new URL('send-load.js', import.meta.url).pathname, trust);
  const send = (work) => {
    load.send(work);
    return nextMessage(load);
  };
  const results = new Map(candidates.map(({ name }) => [name, []]));
  for (let round = 0; round < TIMES.rounds; round += 1)
    for (const { name, url, child, others } of candidates) {
      const work = {
        url,
        headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' },
        body: 'grant_type=client_credentials',
        connections: IN_FLIGHT,
        expected: 200,
      };
      await send({ ...work, milliseconds: TIMES.warmMs });
      const before = [cpuMilliseconds([child.pid]), cpuMilliseconds(others)];
      const { requests, elapsed, failures, firstFailure, p50, p99 } = await send({
        ...work,
        milliseconds: TIMES.measureMs,
      });
      if (failures > 0) throw new Error(`${name}: ${failures} of ${requests} failed: ${firstFailure}`);
      results.get(name).push({
        cpuUs: ((cpuMilliseconds([child.pid]) - before[0]) / requests) * 1000,
        othersUs: ((cpuMilliseconds(others) - before[1]) / requests) * 1000,
        rps: (requests / elapsed) * 1000,
        p50,
        p99,
      });
    }
  print(results, residentMebibytes([sts.pid]));
  await measureVerification(smoke);
} finally {
  stopAll();
  await new Promise((done) => setTimeout(done, 2_000));
  await admin.query(`DROP DATABASE ${DATABASE} WITH (FORCE)`);
  await admin.end();
  if (deployment !== undefined) rmSync(deployment.folder, { recursive: true, force: true });
}
process.exit();

function print(results, residentMiB) {
  const median = (rows, name) => rows.map((row) => row[name]).sort((a, b) => a - b)[(rows.length - 1) >> 1];
  const floor = median(results.get('bare signer'), 'cpuUs');
  console.log(
    `issuance, ${IN_FLIGHT} in flight, record and audit event durable; load ${readFileSync('/proc/loadavg', 'utf8').trim()}`,
  );
  for (const [name, rows] of results) {
    const cpu = median(rows, 'cpuUs');
    console.log(
      `  ${name.padEnd(12)} ${cpu.toFixed(0).padStart(5)} us CPU (${(cpu / floor).toFixed(2)} x)` +
        `  ${median(rows, 'othersUs').toFixed(0).padStart(5)} us at the audit log` +
        `  ${median(rows, 'rps').toFixed(0).padStart(6)}/s  p50 ${median(rows, 'p50').toFixed(1)} ms  p99 ${median(rows, 'p99').toFixed(1)} ms`,
    );
  }
  console.log(`  resident memory of the STS: ${residentMiB.toFixed(0)} MiB`);
}
