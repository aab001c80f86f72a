// `npm run soak -- --hours 2 [--minutes N] [--seconds N] [--seed N]`: mixed load while everything is rotated and one thing
// after the other fails; prints each round and the verdict, and ends with 0 where nothing was lost and the log is whole.
import './print-help.js';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';

const UNITS = { hours: 3600, minutes: 60, seconds: 1 };
const options = { hours: { type: 'string' }, minutes: { type: 'string' }, seconds: { type: 'string' }, seed: { type: 'string' } }; // prettier-ignore

function read(name, text) {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  process.stderr.write(`--${name} is a number above 0\n`);
  process.exit(64);
}

const { values } = parseArgs({ options });
const given = Object.entries(UNITS).filter(([name]) => values[name] !== undefined);
const seconds = given.reduce((sum, [name, unit]) => sum + read(name, values[name]) * unit, 0);
const seed = values.seed === undefined ? Date.now() % 100_000 : read('seed', values.seed);
process.stdout.write(`soak of ${given.length === 0 ? 60 : seconds} s; again with --seed ${seed}\n`);

const soak = spawn('npx', ['jest', '--silent=false', 'test/faults/soak'], {
  stdio: 'inherit',
  env: {
    ...process.env,
    NODE_OPTIONS: '--experimental-vm-modules',
    SOAK_SECONDS: String(given.length === 0 ? 60 : seconds),
    SOAK_SEED: String(seed),
  },
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => soak.kill(signal));
const [code] = await once(soak, 'exit');
process.exitCode = code ?? 1;
