// `npm run bench`: Aduana and other gateways over the same subgraphs, in one run, round by round beside each other.
// `-- --only=floor,aduana` measures some of them; `-- --full` takes longer and also measures single connections; `-- --smoke` only proves that everything runs.
import { rmSync } from 'node:fs';
import pg from 'pg';
import { createRounds } from './measure-rounds.js';
import { writeReport } from './write-report.js';
import { callerToken, prepareAduana, startAduanaGateway, startHouse } from './start-aduana.js';
import { peersOver } from './start-peers.js';
import { forkChild, nextMessage, stopAll } from './start-process.js';

/** The first round warms longer: code is compiled then. */
const MODES = {
  smoke: { rounds: 1, firstWarmMs: 500, warmMs: 500, measureMs: 500, connections: [32] },
  quick: { rounds: 2, firstWarmMs: 3_000, warmMs: 500, measureMs: 2_000, connections: [32] },
  full: { rounds: 5, firstWarmMs: 8_000, warmMs: 2_000, measureMs: 6_000, connections: [32, 1] },
};
const only = /^--only=(.*)$/
  .exec(process.argv.find((argument) => argument.startsWith('--only=')) ?? '')?.[1]
  .split(',');
const isWanted = ({ name }) => only === undefined || only.includes(name);
const mode = process.argv.includes('--full') ? 'full' : process.argv.includes('--smoke') ? 'smoke' : 'quick';
const POSTGRES = process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres';
const DATABASE = `aduana_bench_${process.pid}`;

/** Shorter than a token lives. */
const TOKEN_MS = 600_000;

function keepFor(milliseconds, get) {
  let kept;
  let until = 0;
  return () => {
    if (performance.now() > until) {
      kept = get();
      until = performance.now() + milliseconds;
    }
    return kept;
  };
}

process.env.APOLLO_TELEMETRY_DISABLED = 'true';

const admin = new pg.Client({ connectionString: POSTGRES });
await admin.connect();
await admin.query(`CREATE DATABASE ${DATABASE}`);
const databaseUrl = Object.assign(new URL(POSTGRES), { pathname: `/${DATABASE}` }).href;

let house;
try {
  house = await prepareAduana(databaseUrl);
  const subgraphs = forkChild(new URL('workload/serve-subgraphs.js', import.meta.url).pathname, {
    CERTS_DIR: house.env.CERTS_DIR,
  });
  const { ports, control } = await nextMessage(subgraphs);
  const helpers = await startHouse(house, ports);
  const token = keepFor(TOKEN_MS, () => callerToken(house));
  const gateways = [];
  const aduana = (options) => () => startAduanaGateway({ ...house, token }, options);
  const all = [
    ...(await peersOver(house.folder, ports)),
    { name: 'aduana', start: aduana({}) },
    { name: 'aduana unshared', start: aduana({ SHARE_IN_FLIGHT: 'off' }) },
  ];
  for (const { name, start } of all.filter(isWanted)) gateways.push({ name, ...(await start()) });
  const backends = async () => {
    const { rows } = await admin.query('SELECT pid FROM pg_stat_activity WHERE datname = $1', [DATABASE]);
    return rows.map(({ pid }) => pid);
  };
  const results = await createRounds({
    gateways,
    control,
    helpers: { house: helpers, subgraphs, backends },
  }).run(MODES[mode]);
  writeReport(mode, results);
} finally {
  stopAll();
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  await admin.query(`DROP DATABASE ${DATABASE} WITH (FORCE)`);
  await admin.end();
  if (house !== undefined) rmSync(house.folder, { recursive: true, force: true });
}
process.exit();
