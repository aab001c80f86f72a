// Runs the tests beside eight processes that never wait: `npm run test:busy -- [what Jest takes]`.
import './print-help.js';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { loadavg } from 'node:os';

const PROCESSES = 8;
/** Ends with its parent, however that ends. */
const BUSY = 'const parent = process.ppid; while (process.ppid === parent);';

const busy = Array.from({ length: PROCESSES }, () =>
  spawn(process.execPath, ['-e', BUSY], { stdio: 'ignore' }),
);
const tests = spawn('npm', ['test', '--', ...process.argv.slice(2)], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => tests.kill(signal));
const [code] = await once(tests, 'exit');
process.stderr.write(`the load was ${loadavg()[0].toFixed(1)} in the end\n`);
for (const one of busy) one.kill('SIGKILL');
process.exitCode = code ?? 1;
