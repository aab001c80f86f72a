// `npm run fuzz -- --minutes N [--seed S] [--only WORDS]`: N minutes in all, shared by the fuzzers.
import './print-help.js';
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' }, only: { type: 'string' } },
});
const only = values.only === undefined ? [] : ['-t', values.only];
const { status } = spawnSync('npx', ['jest', 'test/fuzz', '--maxWorkers=1', ...only], {
  stdio: 'inherit',
  env: {
    ...process.env,
    NODE_OPTIONS: '--experimental-vm-modules',
    FUZZ_MINUTES: values.minutes,
    ...(values.seed === undefined ? {} : { FUZZ_SEED: values.seed }),
  },
});
process.exitCode = status ?? 1;
