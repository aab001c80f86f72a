import { Worker } from 'node:worker_threads';
import { SecurityError } from '@aduana/core/errors/security-error';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { afterEach, expect, test } from '@jest/globals';
import type { Account } from '../../../gateway/limits/miss-budget.ts';
import type { ThreadJob } from '../../../gateway/threads/thread-messages.ts';
import { createThreadPool, type ThreadPool } from '../../../gateway/threads/thread-pool.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { until } from '../../support/until.ts';

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
  else if (text !== 'wait') done(text);
});
if (workerData.fails) parentPort.postMessage({ kind: 'failed', code: 'SUPERGRAPH_INVALID', detail: 'no SDL' });
else parentPort.postMessage({ kind: 'ready', schemas: workerData.tellSchemas ? { hash: 'h' } : undefined });
`;

const pools: ThreadPool[] = [];
afterEach(() => Promise.all(pools.splice(0).map((pool) => pool.close())));

function open(threads = 1) {
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

function accountOf(owner: string, credit = Infinity) {
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

test('the first thread tells the schemas; each job has its own answer, and its CPU is charged to who asked', async () => {
  const { pool, run } = open();
  expect(await pool.open()).toEqual({ hash: 'h' });
  const account = accountOf('a');
  expect(await Promise.all([run('1', account), run('2', account)])).toEqual(['1', '2']);
  expect(account.spent).toBe(14);
  await expect(run('refuse', account)).rejects.toMatchObject({
    code: 'OPERATION_NOT_PLANNABLE',
    detail: 'no',
  });
  expect(account.spent).toBe(19);
});

test.each(['crash', 'exit', 'memory'])(
  'a thread that ends by %s fails the one job that it was at, and is replaced for all that wait',
  async (how) => {
    const { pool, run, workers } = open();
    await pool.open();
    const bad = run(how);
    const waiting = [run('1'), run('2')];
    await expect(bad).rejects.toMatchObject({ code: 'LIMIT_PLANNING_EXCEEDED' });
    expect(await Promise.all(waiting)).toEqual(['1', '2']);
    expect(workers).toHaveLength(2);
  },
);

test('a job that takes too long is refused and paid for; its thread is ended and replaced', async () => {
  const { pool, run, workers, clock } = open();
  await pool.open();
  const account = accountOf('a');
  const hanging = run('hang', account);
  const waiting = run('1');
  await clock.advance(1_001);
  await expect(hanging).rejects.toMatchObject({ code: 'LIMIT_PLANNING_EXCEEDED' });
  expect(account.spent).toBeGreaterThanOrEqual(1_000);
  expect(await waiting).toBe('1');
  expect(workers).toHaveLength(2);
});

test('what one caller has waiting does not come before the first of another', async () => {
  const { pool, run } = open();
  await pool.open();
  const order: string[] = [];
  const note = async (text: string, owner: string) => {
    order.push(String(await run(text, accountOf(owner))));
  };
  await Promise.all([...Array.from({ length: 20 }, (_, n) => note(`a${String(n)}`, 'a')), note('b', 'b')]);
  expect(order.indexOf('b')).toBeLessThanOrEqual(2);
});

test('beyond its bound a caller is refused, and so is what its account no longer covers', async () => {
  const { pool, run } = open();
  await pool.open();
  const many = Array.from({ length: 150 }, () => run('1', accountOf('a')));
  const refused = (await Promise.allSettled(many)).filter(({ status }) => status === 'rejected');
  expect(refused).toHaveLength(49); // one at work and a hundred that wait
  expect(refused[0]).toMatchObject({ reason: { code: 'RATE_LIMITED', retryAfterSeconds: 1 } });
  const poor = accountOf('b', 14);
  const verdicts = await Promise.allSettled([1, 2, 3].map(() => run('1', poor)));
  expect(verdicts.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
});

test('a supergraph that does not load is refused; a replacement that does not start refuses what waits', async () => {
  const first = open();
  first.failFromNowOn();
  await expect(first.pool.open()).rejects.toMatchObject({ code: 'SUPERGRAPH_INVALID', detail: 'no SDL' });
  const later = open();
  await later.pool.open();
  const bad = later.run('crash');
  const waiting = later.run('1');
  later.failFromNowOn();
  await expect(bad).rejects.toMatchObject({ code: 'LIMIT_PLANNING_EXCEEDED' });
  await expect(waiting).rejects.toMatchObject({ code: 'OVERLOADED' });
});

test('retired, it answers what is still asked and keeps no thread; closed, it refuses', async () => {
  const { pool, run, workers, clock } = open();
  await pool.open();
  const exits: number[] = [];
  const watch = (worker: Worker | undefined) => worker?.on('exit', (code) => exits.push(code));
  watch(workers[0]);
  pool.retire();
  await until(() => exits.length === 1);
  expect(await run('late')).toBe('late');
  watch(workers[1]);
  await until(() => exits.length === 2);
  const waiting = expect(run('wait')).rejects.toMatchObject({ code: 'OVERLOADED' });
  await pool.close();
  await waiting;
  await expect(run('1')).rejects.toMatchObject({ code: 'OVERLOADED' });
  expect(clock.pending).toBe(0);
});

test('further threads are started while jobs wait, up to their number', async () => {
  const { pool, run, workers, clock } = open(2);
  await pool.open();
  const stuck = run('wait').catch((error: unknown) => error);
  expect(await Promise.all([run('1'), run('2')])).toEqual(['1', '2']);
  expect(workers).toHaveLength(2);
  await clock.advance(1_001);
  expect(await stuck).toMatchObject({ code: 'LIMIT_PLANNING_EXCEEDED' });
});
