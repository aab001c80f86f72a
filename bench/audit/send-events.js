// Records events as a gateway does, with its certificate and its own token, and says how long each waited. Runs as a
// child process.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSystemClock, openAuditClient, openClient } from '@aduana/client';
import { RECORD } from './event-record.js';
import { percentiles } from './percentile.js';

const { ADUANA_HOME, AUDIT_PORT, CERTS_DIR, STS_PORT } = process.env;
const log = { debug() {}, info() {}, warn() {}, error: console.error, child: () => log };

const client = await openClient({
  service: 'gateway',
  certsDir: CERTS_DIR,
  stsUrl: `https://localhost:${STS_PORT}/sts/token`,
  trustDomain: 'aduana.local',
  gatewayUrl: 'https://localhost:1',
  log,
});
const { audit } = await openAuditClient({
  peer: client.peer({
    origin: `https://localhost:${AUDIT_PORT}`,
    spiffeId: 'spiffe://aduana.local/audit',
    failureCode: 'AUDIT_UNAVAILABLE',
  }),
  token: () => client.sts.ownToken('audit'),
  instance: 'gateway@1',
  spool: { folder: join(ADUANA_HOME, 'bench-spool'), key: Buffer.alloc(32), maxBytes: 1e8 },
  mode: 'fail_closed',
  platform: { clock: createSystemClock(), log },
});

/** Every request has a trace of its own; callers and operations are a few. */
function nextRecord(number) {
  return {
    ...RECORD,
    actor: { ...RECORD.actor, sub: `user-${number % 500}` },
    request: { ...RECORD.request, operation_name: `Operation${number % 40}` },
    trace: { trace_id: randomBytes(16).toString('hex'), span_id: randomBytes(8).toString('hex') },
  };
}

let number = 0;

async function send({ rate, inFlight, seconds }) {
  const spans = [];
  const began = performance.now();
  const elapsed = () => (performance.now() - began) / 1000;
  const one = async () => {
    const start = performance.now();
    number += 1;
    await audit.record(nextRecord(number));
    spans.push(performance.now() - start);
  };
  if (rate === undefined)
    await Promise.all(
      Array.from({ length: inFlight }, async () => {
        while (elapsed() < seconds) await one();
      }),
    );
  else {
    const pending = [];
    while (elapsed() < seconds) {
      while (pending.length < elapsed() * rate) pending.push(one());
      await sleep(1);
    }
    await Promise.all(pending);
  }
  return { count: spans.length, elapsed: elapsed(), ...percentiles(spans) };
}

process.on('message', async (work) => process.send(await send(work)));
process.on('disconnect', () => process.exit(0));
process.send('ready');
