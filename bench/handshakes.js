// Mutual TLS handshakes a second between two ends in one process, with and without resumption of the TLS session, and
// the CPU of a call over a connection that is open: `node bench/handshakes.js` after `npm run build`.
import '../tools/print-help.js';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import { connect as connectPlain, createServer as createPlainServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer as createTlsServer } from 'node:tls';
import { createSecureClient } from '@aduana/core/mtls-client/secure-client';
import { loadTlsIdentity } from '@aduana/core/mtls/load-tls-identity';
import { clientTlsOptions, serverTlsOptions } from '@aduana/core/mtls/tls-options';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { ensureCertificates } from '../dist/certs/ensure-certificates.js';

const ROUNDS = 12;
const ROUND_SECONDS = 0.5;
const CALLS = 20_000;
const PARALLEL = 16;
const STS = 'spiffe://aduana.local/sts';
const clock = createSystemClock();
const log = createLog('silent', () => undefined);

const folder = await mkdtemp(join(tmpdir(), 'aduana-bench-'));
const settings = { ADUANA_HOME: folder, CERTS_DIR: join(folder, 'certs'), TRUST_DOMAIN: 'aduana.local' };
await ensureCertificates({ settings, clock });
const identityOf = (service) =>
  loadTlsIdentity({ certsDir: settings.CERTS_DIR, service, trustDomain: 'aduana.local', clock, log });
const [sts, gateway] = await Promise.all([identityOf('sts'), identityOf('gateway')]);

const rules = { clientCertificates: 'require', minVersion: 'TLSv1.3' };
const server = createServer(serverTlsOptions(sts.current(), rules), (_request, response) =>
  response.end('{}'),
);
server.keepAliveTimeout = 60_000;
const greeter = createTlsServer(serverTlsOptions(sts.current(), rules), (socket) => socket.end('x'));
const plainGreeter = createPlainServer((socket) => socket.end('x'));
const [port, greeterPort, plainPort] = await Promise.all([server, greeter, plainGreeter].map(listen));

const tasks = {
  async plain() {
    const socket = connectPlain({ host: '127.0.0.1', port: plainPort });
    socket.resume();
    await once(socket, 'close');
  },
  full: await handshakes(false),
  resumed: await handshakes(true),
};
const rounds = { plain: [], full: [], resumed: [] };
// In turns: what else the machine does falls on all three.
for (let round = 0; round < ROUNDS; round += 1)
  for (const [what, task] of Object.entries(tasks)) rounds[what].push(await measure(task));
const { plain, full, resumed } = Object.fromEntries(
  Object.entries(rounds).map(([what, measured]) => [what, lowerQuartile(measured)]),
);
const cpu = await cpuPerCall();
for (const [what, { perSecond, cpu: each }] of Object.entries({ plain, full, resumed }))
  console.log(
    `${what.padEnd(8)} connections  ${perSecond.toFixed(0).padStart(5)} /s  ${each.toFixed(0)} us of CPU, both ends`,
  );
console.log(
  `a resumed connection costs 1/${(full.cpu / resumed.cpu).toFixed(1)} of a full one, ` +
    `its handshake alone 1/${((full.cpu - plain.cpu) / (resumed.cpu - plain.cpu)).toFixed(1)}`,
);
console.log(`call, both ends      ${cpu.toFixed(1)} us of CPU (mTLS, ${PARALLEL} in parallel)`);

server.closeAllConnections();
server.close();
greeter.close();
plainGreeter.close();
await Promise.all([sts.stop(), gateway.stop()]);
await rm(folder, { recursive: true });

async function listen(listener) {
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return listener.address().port;
}

/** One handshake after the other, each of the wanted kind. */
async function handshakes(resume) {
  const options = { ...clientTlsOptions(gateway.current(), STS), host: '127.0.0.1', port: greeterPort };
  let session;
  const shake = async () => {
    const socket = connect(session === undefined ? options : { ...options, session });
    if (resume && session === undefined) socket.once('session', (ticket) => (session = ticket));
    const reused = once(socket, 'secureConnect').then(() => socket.isSessionReused());
    socket.resume();
    await once(socket, 'close'); // the server greeted, so it has accepted our certificate
    return reused;
  };
  await shake();
  return async () => {
    if ((await shake()) !== resume) throw new Error('not the handshake that was to be measured');
  };
}

/** The round with the least CPU but for a quarter of them: the machine's other work only ever adds. */
function lowerQuartile(measured) {
  return measured.toSorted((a, b) => a.cpu - b.cpu)[Math.floor(ROUNDS / 4)];
}

async function measure(task) {
  let count = 0;
  const begin = performance.now();
  const before = process.cpuUsage();
  while (performance.now() - begin < ROUND_SECONDS * 1000) {
    await task();
    count += 1;
  }
  const { user, system } = process.cpuUsage(before);
  return { perSecond: count / ((performance.now() - begin) / 1000), cpu: (user + system) / count };
}

async function cpuPerCall() {
  const client = createSecureClient({ identity: gateway, clock, log });
  const peer = client.peer({
    origin: `https://127.0.0.1:${port}`,
    spiffeId: STS,
    failureCode: 'STS_UNAVAILABLE',
  });
  const request = {
    method: 'POST',
    path: '/',
    body: '{}',
    timeoutMilliseconds: 5000,
    maxResponseBytes: 1000,
  };
  const worker = async (calls) => {
    for (let call = 0; call < calls; call += 1) await peer.request(request);
  };
  const run = (calls) => Promise.all(Array.from({ length: PARALLEL }, () => worker(calls / PARALLEL)));
  await run(CALLS / 4);
  const before = process.cpuUsage();
  await run(CALLS);
  const { user, system } = process.cpuUsage(before);
  await client.close();
  return (user + system) / CALLS;
}
