import type { Worker } from 'node:worker_threads';
import { expect, test } from '@jest/globals';
import { until } from '../../support/until.ts';
import { openTestThreads, testAccount } from '../../support/test-threads.ts';

test('the first thread tells the schemas; each job has its own answer, and its CPU is charged to who asked', async () => {
  const { pool, run } = openTestThreads();
  expect(await pool.open()).toEqual({ hash: 'h' });
  const account = testAccount('a');
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
    const { pool, run, workers } = openTestThreads();
    await pool.open();
    const bad = run(how);
    const waiting = [run('1'), run('2')];
    await expect(bad).rejects.toMatchObject({ code: 'LIMIT_PLANNING_EXCEEDED' });
    expect(await Promise.all(waiting)).toEqual(['1', '2']);
    expect(workers).toHaveLength(2);
  },
);

test('a job that takes too long is refused and paid for; its thread is ended and replaced', async () => {
  const { pool, run, workers, clock } = openTestThreads();
  await pool.open();
  const account = testAccount('a');
  const hanging = run('hang', account);
  const waiting = run('1');
  await clock.advance(1_001);
  await expect(hanging).rejects.toMatchObject({ code: 'LIMIT_PLANNING_EXCEEDED' });
  expect(account.spent).toBeGreaterThanOrEqual(1_000);
  expect(await waiting).toBe('1');
  expect(workers).toHaveLength(2);
});

test('what one caller has waiting does not come before the first of another', async () => {
  const { pool, run } = openTestThreads();
  await pool.open();
  const order: string[] = [];
  const note = async (text: string, owner: string) => {
    order.push(String(await run(text, testAccount(owner))));
  };
  await Promise.all([...Array.from({ length: 20 }, (_, n) => note(`a${String(n)}`, 'a')), note('b', 'b')]);
  expect(order.indexOf('b')).toBeLessThanOrEqual(2);
});

test('beyond its bound a caller is refused, and so is what its account no longer covers', async () => {
  const { pool, run } = openTestThreads();
  await pool.open();
  const many = Array.from({ length: 150 }, () => run('1', testAccount('a')));
  const refused = (await Promise.allSettled(many)).filter(({ status }) => status === 'rejected');
  expect(refused).toHaveLength(49); // one at work and a hundred that wait
  expect(refused[0]).toMatchObject({ reason: { code: 'RATE_LIMITED', retryAfterSeconds: 1 } });
  const poor = testAccount('b', 14);
  const verdicts = await Promise.allSettled([1, 2, 3].map(() => run('1', poor)));
  expect(verdicts.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
});

test('a supergraph that does not load is refused; a replacement that does not start refuses what waits', async () => {
  const first = openTestThreads();
  first.failFromNowOn();
  await expect(first.pool.open()).rejects.toMatchObject({ code: 'SUPERGRAPH_INVALID', detail: 'no SDL' });
  const later = openTestThreads();
  await later.pool.open();
  const bad = later.run('crash');
  const waiting = later.run('1');
  later.failFromNowOn();
  await expect(bad).rejects.toMatchObject({ code: 'LIMIT_PLANNING_EXCEEDED' });
  await expect(waiting).rejects.toMatchObject({ code: 'OVERLOADED' });
});

test('retired, it answers what is still asked and keeps no thread; closed, it refuses', async () => {
  const { pool, run, workers, clock } = openTestThreads();
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
  const { pool, run, workers, clock } = openTestThreads(2);
  await pool.open();
  const stuck = run('wait').catch((error: unknown) => error);
  expect(await Promise.all([run('1'), run('2')])).toEqual(['1', '2']);
  expect(workers).toHaveLength(2);
  await clock.advance(1_001);
  expect(await stuck).toMatchObject({ code: 'LIMIT_PLANNING_EXCEEDED' });
});

test('beside an idle thread nothing waits, also where no other one can be started', async () => {
  const { pool, run, clock, failFromNowOn } = openTestThreads(2);
  await pool.open();
  const account = testAccount('a');
  const lost = expect(run('hang', account)).rejects.toMatchObject({ code: 'LIMIT_PLANNING_EXCEEDED' });
  expect(await run('1', testAccount('b'))).toBe('1');
  await clock.advance(101);
  const queued = run('2', account); // its owner has a slow job
  failFromNowOn();
  await clock.advance(901);
  await lost;
  expect(await queued).toBe('2');
});

test('a thread that works stays until the one beside it has started', async () => {
  const { pool, run, clock, failFromNowOn, workers } = openTestThreads();
  await pool.open();
  const [slow, other] = [run('slow', testAccount('a')), run('1', testAccount('b'))];
  failFromNowOn();
  await clock.advance(101);
  workers[0]?.postMessage({ text: 'end of slow' });
  expect([await slow, await other]).toEqual(['end of slow', '1']);
  await until(() => workers[1]?.threadId === -1);
  expect(await run('2', testAccount('c'))).toBe('2');
});
