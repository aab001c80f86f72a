import { withDatabase } from '../with-database.js';
import { keepResults } from '../write-report.js';
import { fillLog } from './fill-log.js';
import { createHashChain } from './hash-chain.js';
import { measureLatency, measureRate } from './measure-appends.js';
import { measureProofs } from './measure-proofs.js';
import { measureVerification } from './measure-verification.js';
import { openBenchLog } from './open-bench-log.js';
import { percentile } from './percentile.js';

const IN_FLIGHT = 256;
const ROUNDS = 3;
const SECONDS = Number(process.env.BENCH_SECONDS ?? 8);
const ENTRIES = Number(process.env.BENCH_ENTRIES ?? 1_000_000);

/** What the audit log costs, on PostgreSQL, beside a hash chain under a row lock in the same database. */
await withDatabase('audit', async (url) => {
  const log = await openBenchLog(url);
  try {
    const results = {
      ...(await measureThroughput(log)),
      ...(await measureLatencies(log)),
      ...(await measureLargeLog(log)),
    };
    const { rows } = await log.owner.query('SHOW server_version');
    if (process.argv.includes('--keep'))
      keepResults('audit', { postgresql: rows[0].server_version }, { results });
  } finally {
    await log.close();
  }
});

/** In turns, so that other work on the machine meets all alike. */
async function measureThroughput(log) {
  const chain = await createHashChain(log.owner);
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1)
    rounds.push({
      chain: await chain.inService(SECONDS, IN_FLIGHT),
      chainInDatabase: await chain.inDatabase(SECONDS, IN_FLIGHT),
      ...(await measureRate(log, SECONDS, IN_FLIGHT)),
    });
  const median = (valueOf) => percentile(rounds.map(valueOf), 50);
  const results = {
    hashChain: Math.round(median(({ chain: rate }) => rate)),
    hashChainInDatabase: Math.round(median(({ chainInDatabase }) => chainInDatabase)),
    durable: Math.round(median(({ rate }) => rate)),
    timesHashChain: Number(median((round) => round.rate / round.chain).toFixed(1)),
    timesHashChainInDatabase: Number(median((round) => round.rate / round.chainInDatabase).toFixed(1)),
    worstLagSeconds: Number(Math.max(...rounds.map(({ lagSeconds }) => lagSeconds)).toFixed(2)),
  };
  print('hash chain under a row lock, events/s', results.hashChain);
  print('the same in one call of a function, events/s', results.hashChainInDatabase);
  print(
    `durable events/s at ${IN_FLIGHT} in flight`,
    `${results.durable} (${results.timesHashChain} x the hash chain, ${results.timesHashChainInDatabase} x the one in a function)`,
  );
  print('checkpoint lag meanwhile, at most', `${results.worstLagSeconds} s`);
  return { eventsPerSecond: results };
}

async function measureLatencies(log) {
  const added = {};
  for (const rate of [500, 1000, 2000]) {
    added[rate] = await measureLatency(log, SECONDS, rate);
    print(
      `added to a request at ${rate}/s`,
      `${textOf(added[rate])}; ${added[rate].cpuUs} us CPU of client and service`,
    );
  }
  return { addedAtRate: added };
}

async function measureLargeLog(log) {
  const began = performance.now();
  await fillLog(log.writer, ENTRIES);
  await log.audit.advance();
  print(`filled with ${ENTRIES} events in`, `${((performance.now() - began) / 1000).toFixed(0)} s`);
  const inclusionProofs = await measureProofs(log);
  for (const kind of ['cold', 'warm', 'whileWriting'])
    print(
      `inclusion proof at ${inclusionProofs.entries} entries, ${kind}`,
      `${textOf(inclusionProofs[kind])}; ${inclusionProofs[kind].cpuMs} ms CPU`,
    );
  const verification = await measureVerification(log.home, ENTRIES);
  print(`verify of ${ENTRIES} events`, `${verification.seconds} s, ${verification.peakMiB} MiB at most`);
  return { inclusionProofs, verification };
}

function textOf({ p50Ms, p95Ms, p99Ms }) {
  return `p50 ${p50Ms} ms, p95 ${p95Ms} ms, p99 ${p99Ms} ms`;
}

function print(name, value) {
  console.log(`${name.padEnd(58)} ${value}`);
}
