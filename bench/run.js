// `npm run bench`: Aduana and other gateways over the same subgraphs, in one run, round by round beside each other.
// `-- --only=floor,aduana` measures some of them; `-- --full` takes longer and also measures single connections; `-- --smoke` only proves that everything runs.
import '../tools/print-help.js';
import { hasOption, option } from './command-options.js';
import { createRounds } from './measure-rounds.js';
import { writeReport } from './write-report.js';
import { callerToken, startAduanaGateway } from './start-aduana.js';
import { peersOver } from './start-peers.js';
import { withWorkload } from './with-workload.js';

/** The first round warms longer: code is compiled then. */
const MODES = {
  smoke: { rounds: 1, firstWarmMs: 500, warmMs: 500, measureMs: 500, connections: [32] },
  quick: { rounds: 2, firstWarmMs: 10_000, warmMs: 500, measureMs: 2_000, connections: [32] },
  full: { rounds: 5, firstWarmMs: 8_000, warmMs: 2_000, measureMs: 6_000, connections: [32, 1] },
};
const only = option('only')?.split(',');
const isWanted = ({ name }) => only === undefined || only.includes(name);
const mode = hasOption('full') ? 'full' : hasOption('smoke') ? 'smoke' : 'quick';

/** Shorter than the lifetime of a token. */
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

await withWorkload(async ({ deployment, ports, control, helpers }) => {
  const token = keepFor(TOKEN_MS, () => callerToken(deployment));
  const gateways = [];
  const aduana = (options) => () => startAduanaGateway({ ...deployment, token }, options);
  const all = [
    ...(await peersOver(deployment.folder, ports)),
    { name: 'aduana', start: aduana({}) },
    { name: 'aduana unshared', start: aduana({ SHARE_IN_FLIGHT: 'off' }) },
  ];
  for (const { name, start } of all.filter(isWanted)) gateways.push({ name, ...(await start()) });
  writeReport(mode, await createRounds({ gateways, control, helpers }).run(MODES[mode]), only === undefined);
});
process.exit();
