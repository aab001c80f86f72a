import { Worker } from 'node:worker_threads';
import { SecurityError } from '@aduana/core/errors/security-error';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { afterEach } from '@jest/globals';
import type { Account } from '../../gateway/limits/miss-budget.ts';
import type { ThreadJob } from '../../gateway/threads/thread-messages.ts';
import { createThreadPool, type ThreadPool } from '../../gateway/threads/thread-pool.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';

/** A thread that does what its jobs say. */
const CODE = `
const { parentPort, workerData } = require('node:worker_threads');
const done = (value) => parentPort.postMessage({ kind: 'done', value, milliseconds: 7 });
parentPort.on('message', ({ text }) => {
  if (text === 'crash') throw new Error('a bug');
  if (text === 'exit') process.exit(3);
  if (text === 'hang') for (;;);
  if (text === 'memory') { const kept = []; for (;;) kept.push(new Array(1e5).fill({})); }
  if (text === 'refuse') parentPort.postMessage({ kind: 'refused', code: 'OPERATION_NOT_PLANNABLE', detail: 'no', milliseconds: 5 });
  else if (text !== 'wait' && text !== 'slow') done(text);
});
if (workerData.fails) parentPort.postMessage({ kind: 'failed', code: 'SUPERGRAPH_INVALID', detail: 'no SDL' });
else parentPort.postMessage({ kind: 'ready', schemas: workerData.tellSchemas ? { hash: 'h' } : undefined });
`;

const pools: ThreadPool[] = [];
afterEach(() => Promise.all(pools.splice(0).map((pool) => pool.close())));

/** A pool of such threads; closed after the test. */
export function openTestThreads(threads = 1) {
  const clock: FakeClock = createFakeClock();
  const workers: Worker[] = [];
  let fails = false;
  const pool = createThreadPool({
    threads,
    jobMilliseconds: 1_000,
    clock,
    log: createLog('silent', () => undefined),
    start(tellSchemas) {
      const worker = new Worker(CODE, {
        eval: true,
        workerData: { tellSchemas, fails },
        resourceLimits: { maxOldGenerationSizeMb: 24 },
      });
      workers.push(worker);
      return worker;
    },
  });
  pools.push(pool);
  return {
    pool,
    clock,
    workers,
    failFromNowOn: () => (fails = true),
    run: (text: string, account?: Account) => pool.run(jobOf(text), account),
  };
}

const jobOf = (text: string): ThreadJob => ({ kind: 'plan', text, overrides: [] });

/** An account with so much on it. */
export function testAccount(owner: string, credit = Infinity) {
  const account = {
    owner,
    spent: 0,
    require() {
      if (account.spent >= credit) throw new SecurityError('RATE_LIMITED');
    },
    charge(milliseconds: number) {
      account.spent += milliseconds;
    },
  };
  return account;
}
