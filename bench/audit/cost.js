// `npm run bench:audit-cost`: what the audit service and PostgreSQL spend for each event, and how many a second there are
// when all wait. Service, client and token service are processes as in production, over mTLS.
// `-- --publish` adds a log that is published into a bucket, a double of S3 in this process.
// `-- --baseline=FILE` adds the `dist/cli/main.js` of another checkout, in turns; `--profile` writes a CPU profile; `--keep` writes `bench/results/audit-cost.json`.
import '../../tools/print-help.js';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { cpuMilliseconds } from '../cpu-time.js';
import { startBucket } from './start-bucket.js';
import { watchBackends } from './watch-backends.js';
import { prepareAduana, startStsAndAudit } from '../start-aduana.js';
import { forkChild, nextMessage, stopAll } from '../start-process.js';
import { withDatabase } from '../with-database.js';
import { keepResults } from '../write-report.js';
import { percentile } from './percentile.js';

const argument = (name) => process.argv.find((one) => one.startsWith(`--${name}=`))?.slice(name.length + 3);
const baseline = argument('baseline');
const ROUNDS = Number(argument('rounds') ?? 3);
const WARM_UP_SECONDS = 8;
const SECONDS = Number(argument('seconds') ?? 8);
const only = argument('only');
const LOADS = [
  { name: '500/s', rate: 500 },
  { name: '2500/s', rate: 2500 },
  { name: 'saturated', inFlight: 256 },
].filter(({ name }) => only === undefined || name === only);

const VARIANTS = [
  ...(baseline === undefined ? [] : [{ name: 'baseline', main: baseline }]),
  { name: 'here' },
  ...(process.argv.includes('--publish') ? [{ name: 'published', isPublished: true }] : []),
];
const profile = process.argv.includes('--profile') ? ['--cpu-prof', '--cpu-prof-dir=/tmp/audit-profile'] : [];

/** Starts a log of its own and returns what measures a load over it. */
async function openVariant({ main, isPublished }, url) {
  const prepared = await prepareAduana(url);
  const deployment = {
    ...prepared,
    env: { ...prepared.env, ...(isPublished ? await startBucket() : {}) },
    auditOptions: profile,
    ...(main === undefined ? {} : { main }),
  };
  const database = new pg.Client({ connectionString: url });
  database.on('error', () => undefined);
  await database.connect();
  const [, audit] = await startStsAndAudit(deployment);
  const load = forkChild(new URL('send-events.js', import.meta.url).pathname, deployment.env);
  await nextMessage(load);
  /** Batches: every append is a transaction. */
  const transactions = async () => {
    const { rows } = await database.query(
      'SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()',
    );
    return Number(rows[0].xact_commit);
  };
  const stored = async () => {
    const { rows } = await database.query('SELECT pg_database_size(current_database()) AS bytes');
    return Number(rows[0].bytes);
  };
  load.send({ inFlight: 256, seconds: WARM_UP_SECONDS });
  await nextMessage(load);
  return {
    async measure(work) {
      const backends = watchBackends(new URL(url).pathname.slice(1));
      const before = [cpuMilliseconds([audit.pid]), 0, await stored(), await transactions()];
      load.send(work);
      const { count, elapsed, p50Ms, p99Ms } = await nextMessage(load);
      await sleep(1_000); // the checkpoint of the last ones
      const after = [cpuMilliseconds([audit.pid]), backends.end(), await stored(), await transactions()];
      const spent = (index) => (after[index] - before[index]) / count;
      return {
        perSecond: count / elapsed,
        ...{ p50Ms, p99Ms },
        auditUs: spent(0) * 1000,
        postgresUs: spent(1) * 1000,
        storedBytes: spent(2),
        eventsPerTransaction: 1 / spent(3),
      };
    },
    async close() {
      await database.end();
      rmSync(deployment.folder, { recursive: true, force: true });
    },
  };
}

async function measureAll(opened) {
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1)
    for (const load of LOADS)
      for (const [index, variant] of opened.entries()) {
        const figures = await variant.measure({ ...load, seconds: SECONDS });
        rounds.push({ load: load.name, variant: VARIANTS[index].name, ...figures });
      }
  return rounds;
}

function median(rounds, load, variant, figure) {
  const values = rounds
    .filter((one) => one.load === load && one.variant === variant)
    .map((one) => one[figure]);
  return Math.round(percentile(values, 50) * 10) / 10;
}

/** Each variant has a database of its own; the inner ones live as long as the outer. */
async function withVariants(variants, opened, work) {
  const [first, ...rest] = variants;
  if (first === undefined) return work(opened);
  return withDatabase(`cost_${first.name}`, async (url) => {
    const variant = await openVariant(first, url);
    try {
      return await withVariants(rest, [...opened, variant], work);
    } finally {
      if (opened.length === 0) stopAll();
      await sleep(2_000);
      await variant.close();
    }
  });
}

const rounds = await withVariants(VARIANTS, [], measureAll);
const FIGURES = [
  'perSecond',
  'p50Ms',
  'p99Ms',
  'auditUs',
  'postgresUs',
  'storedBytes',
  'eventsPerTransaction',
];
const results = LOADS.flatMap(({ name: load }) =>
  VARIANTS.map(({ name: variant }) => ({
    load,
    variant,
    ...Object.fromEntries(FIGURES.map((figure) => [figure, median(rounds, load, variant, figure)])),
  })),
);
console.table(results);
if (process.argv.includes('--keep'))
  keepResults('audit-cost', {}, { results: results.filter(({ variant }) => variant === 'here') });
process.exit(0);
