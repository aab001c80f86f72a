import { afterEach, expect, test } from '@jest/globals';
import { createPrimaryLimits, type LimitsQuestion } from '../../../gateway/workers/primary-limits.ts';
import { createWorkerChannel } from '../../../gateway/workers/worker-channel.ts';
import { createWorkerLimits, type WorkerLimits } from '../../../gateway/workers/worker-limits.ts';
import type { WorkerMessage } from '../../../gateway/workers/worker-messages.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const opened: WorkerLimits[] = [];
afterEach(() => Promise.all(opened.splice(0).map((limits) => limits.close())));

/** A primary and its workers, with messages as between processes: each arrives later, as a copy, in order. */
function open(count: number, concurrent: number | 'off') {
  const clock = createFakeClock();
  let sent = 0;
  const later = (deliver: (message: WorkerMessage) => void) => (message: WorkerMessage) => {
    sent += 1;
    setImmediate(deliver, structuredClone(message));
  };
  const primaryEnds = new Map<number, ReturnType<typeof createWorkerChannel<'primary'>>>();
  const primary = createPrimaryLimits({
    clock,
    concurrent,
    recall: async (worker, key) =>
      ((await primaryEnds.get(worker)?.ask({ kind: 'recall', key })) ?? 0) as number,
  });
  const workers = Array.from({ length: count }, (_, number) => {
    const own: WorkerLimits = createWorkerLimits(
      { ask: (question) => end.ask(question) },
      clock,
      concurrent !== 'off',
    );
    const end = createWorkerChannel<'worker'>(
      later((message) => primaryEnds.get(number)?.receive(message)),
      (question) => (question.kind === 'recall' ? own.recall(question.key) : []),
    );
    primaryEnds.set(
      number,
      createWorkerChannel<'primary'>(
        later((message) => { end.receive(message); }),
        (question) => primary.answer(number, question as LimitsQuestion),
      ),
    ); // prettier-ignore
    opened.push(own);
    return own;
  });
  const worker = (number: number): WorkerLimits => workers[number % count]!;
  return {
    clock,
    primary,
    worker,
    sent: () => sent,
    async take(number: number, key = 'bff'): Promise<'taken' | 'refused'> {
      try {
        await worker(number).places?.take(key);
        return 'taken';
      } catch (error) {
        expect(error).toMatchObject({ code: 'CONCURRENCY_LIMITED', retryAfterSeconds: 1 });
        return 'refused';
      }
    },
  };
}

const countOf = (verdicts: readonly string[]) => verdicts.filter((verdict) => verdict === 'taken').length;

test.each([1, 2, 3, 7])(
  'a caller has exactly its places, however its requests fall on %d workers',
  async (count) => {
    const { take } = open(count, 20);
    const spread = await Promise.all(Array.from({ length: 60 }, (_, n) => take(n)));
    expect(countOf(spread)).toBe(20);
    const another = await Promise.all(Array.from({ length: 60 }, () => take(0, 'other')));
    expect(countOf(another)).toBe(20);
  },
);

test("places that one worker holds and does not use are another one's to take", async () => {
  const { take, worker } = open(2, 20);
  const first = await Promise.all(Array.from({ length: 20 }, () => take(0)));
  expect(countOf(first)).toBe(20);
  expect(await take(1)).toBe('refused');
  for (let n = 0; n < 20; n += 1) worker(0).places?.leave('bff');
  expect(countOf(await Promise.all(Array.from({ length: 21 }, () => take(1))))).toBe(20);
});

test('a worker that died holds nothing any more', async () => {
  const { take, primary } = open(2, 5);
  await Promise.all(Array.from({ length: 5 }, () => take(0)));
  expect(await take(1)).toBe('refused');
  primary.forget(0);
  expect(await take(1)).toBe('taken');
});

test('a caller that comes back again and again does not cost a message each time', async () => {
  const { take, worker, sent, clock } = open(2, 200);
  await take(0);
  worker(0).places?.leave('bff');
  const before = sent();
  for (let n = 0; n < 1_000; n += 1) {
    await take(0);
    worker(0).places?.leave('bff');
  }
  expect(sent()).toBe(before);
  await clock.advance(1_001); // what is not needed goes back
  await new Promise(setImmediate);
  expect(sent()).toBeGreaterThan(before);
});

test('rates and DPoP proofs are counted once for all workers', async () => {
  const { worker } = open(3, 'off');
  expect(worker(0).places).toBeUndefined();
  const verdicts = await Promise.all(
    Array.from({ length: 9 }, (_, n) => worker(n).rates.take('bff', 5, 60_000)),
  );
  expect(verdicts.filter(({ allowed }) => allowed)).toHaveLength(5);
  const expiresAt = Date.now() + 60_000;
  expect(await worker(0).spent.spend('proof', expiresAt)).toBe(true);
  expect(await worker(1).spent.spend('proof', expiresAt)).toBe(false);
});
