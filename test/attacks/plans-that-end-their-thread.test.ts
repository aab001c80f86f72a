import { expect, test } from '@jest/globals';
import { SecurityError } from '@aduana/core/errors/security-error';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createAuthorizer } from '../../gateway/authorize/create-authorizer.ts';
import { createPlan } from '../../gateway/planner/plan.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { openGuardedFederation, rightsOf, validatedOf } from '../support/guarded-federation.ts';
import { openTestThreads, testAccount } from '../support/test-threads.ts';
import { until } from '../support/until.ts';

// The attacker: a caller whose document takes the planner more time or memory than its thread has, sent again and again.
const ENDED = { code: 'LIMIT_PLANNING_EXCEEDED', status: 400 };

test.each([false, true])(
  'it is planned once, and then refused at once for a while; later: %s',
  async (isLater) => {
    const clock = createFakeClock();
    const plan = createPlan({ log: createLog('silent', () => undefined), clock });
    const { supergraph } = openGuardedFederation({
      one: { sdl: 'type Query { a: Int b: Int }', resolvers: {} },
    });
    const asked: unknown[] = [];
    const over: typeof supergraph = {
      ...supergraph,
      findPlan(request) {
        asked.push(request);
        if (JSON.stringify(request.document).includes('"b"')) return supergraph.findPlan(request);
        const error = new SecurityError('LIMIT_PLANNING_EXCEEDED', { detail: 'its thread ended' });
        if (isLater) return Promise.reject(error);
        throw error;
      },
    };
    const ask = async (document: string) => {
      const caller = { authenticated: true, scopes: [], policies: [] };
      const authorize = createAuthorizer({ clock, mode: 'filter' });
      return plan(authorize(validatedOf({ document, caller }), over, rightsOf(caller)), over);
    };
    for (const document of ['{ a }', '{ a }', 'query { ...F } fragment F on Query { a }'])
      await expect(ask(document)).rejects.toMatchObject(ENDED);
    expect(asked).toHaveLength(1);
    expect(await ask('{ b }')).toBeDefined();
    await clock.advance(300_001);
    await expect(ask('{ a }')).rejects.toMatchObject(ENDED);
    expect(asked).toHaveLength(3);
  },
);

test('others do not wait for its end, nor for a thread to start once it has ended', async () => {
  const { pool, run, workers, clock } = openTestThreads();
  await pool.open();
  const hang = () => expect(run('hang', testAccount('attacker'))).rejects.toMatchObject(ENDED);
  const [first, next] = [hang(), hang()];
  const waiting = run('1', testAccount('bff'));
  await clock.advance(101);
  expect(await waiting).toBe('1');
  expect(await run('2', testAccount('bff'))).toBe('2'); // the next one of the attacker waits for its first
  await clock.advance(900);
  await first;
  expect(workers).toHaveLength(2);
  await clock.advance(1_001);
  await next;
});

test('many callers of slow jobs have one more thread in all', async () => {
  const { pool, run, workers, clock } = openTestThreads();
  await pool.open();
  let given = 0;
  const slow = Array.from({ length: 6 }, (_, n) =>
    run('wait', { ...testAccount(`caller ${String(n)}`), require: () => (given += 1) }),
  );
  for (const threads of [1, 2, 2, 2]) {
    await until(() => given === threads);
    expect(workers).toHaveLength(threads);
    await clock.advance(101);
  }
  await Promise.all([pool.close(), expect(Promise.allSettled(slow)).resolves.toHaveLength(6)]);
});

test('a slow job for which nobody else waits starts no thread', async () => {
  const { pool, run, workers, clock } = openTestThreads();
  await pool.open();
  const account = testAccount('a');
  const [slow, next] = [run('slow', account), run('1', account)];
  await clock.advance(500);
  workers[0]?.postMessage({ text: 'end of slow' });
  expect([await slow, await next]).toEqual(['end of slow', '1']);
  expect(workers).toHaveLength(1);
});

test('a pool that is retired beside a slow job ends all of its threads', async () => {
  const { pool, run, workers, clock } = openTestThreads();
  await pool.open();
  const account = testAccount('a');
  const [slow, next] = [run('slow', account), run('2', account)];
  const other = run('1', testAccount('bff'));
  await clock.advance(101);
  pool.retire();
  expect(await other).toBe('1');
  workers[0]?.postMessage({ text: 'end of slow' });
  expect([await slow, await next]).toEqual(['end of slow', '2']);
  await until(() => workers.every(({ threadId }) => threadId === -1));
});

test('a slow job that ends after all leaves as many threads as there were', async () => {
  const { pool, run, workers, clock } = openTestThreads();
  await pool.open();
  const slow = run('slow', testAccount('a'));
  await clock.advance(101);
  expect(await run('1', testAccount('bff'))).toBe('1');
  let left = 2;
  for (const worker of workers) worker.once('exit', () => (left -= 1));
  workers[0]?.postMessage({ text: 'end of slow' });
  expect(await slow).toBe('end of slow');
  await until(() => left === 1);
  expect(await run('2', testAccount('a'))).toBe('2');
  expect(workers).toHaveLength(2);
});
