import type { CancelSignal } from '@aduana/core/platform/cancellation';
import { expect, test } from '@jest/globals';
import { createInFlightRequests } from '../../gateway/execute/shared/in-flight-requests.ts';
import { openCancellationScope } from '../../gateway/execute/shared/cancellation-scope.ts';

type Answer = Parameters<ReturnType<typeof createInFlightRequests>['share']>[2] extends (
  signal: CancelSignal,
) => Promise<infer A>
  ? A
  : never;
const ANSWER = { data: {} } as unknown as Answer;

/** Fetches that end when they are told to, or fail when they are aborted. */
function open() {
  const inFlight = createInFlightRequests();
  const started: { answer(): void; readonly signal: CancelSignal }[] = [];
  const ask = (client: AbortSignal) =>
    inFlight.share('key', openCancellationScope(client), (signal) =>
      new Promise((resolve, reject) => {
        started.push({ signal, answer: () => { resolve(ANSWER); } });
        signal.addEventListener('abort', () => { setImmediate(reject, signal.reason as Error); });
      }),
    ); // prettier-ignore
  return { ask, started };
}

test('a client that leaves before its answer does not fail one that joined it', async () => {
  const { ask, started } = open();
  const leaving = new AbortController();
  const first = ask(leaving.signal).catch(() => 'failed');
  const second = ask(new AbortController().signal);
  leaving.abort();
  started[0]?.answer();
  expect(await second).toBe(ANSWER);
  await first;
  expect(started).toHaveLength(1);
});

test('one that asks after the last has left, and before its fetch has ended, gets a fetch of its own', async () => {
  const { ask, started } = open();
  const leaving = new AbortController();
  const first = ask(leaving.signal).catch(() => 'failed');
  leaving.abort();
  const second = ask(new AbortController().signal);
  expect(started).toHaveLength(2);
  started[1]?.answer();
  expect(await second).toBe(ANSWER);
  expect(await first).toBe('failed');
});

test('the end of an abandoned fetch does not take its successor out of sharing', async () => {
  const { ask, started } = open();
  const leaving = new AbortController();
  const first = ask(leaving.signal).catch(() => 'failed');
  leaving.abort();
  const second = ask(new AbortController().signal);
  await first;
  const third = ask(new AbortController().signal);
  expect(started).toHaveLength(2);
  started[1]?.answer();
  expect([await second, await third]).toEqual([ANSWER, ANSWER]);
});

test('a client that has left already starts nothing that another could join', async () => {
  const { ask, started } = open();
  const first = ask(AbortSignal.abort()).catch(() => 'failed');
  const second = ask(new AbortController().signal);
  started.at(-1)?.answer();
  expect(await second).toBe(ANSWER);
  expect(await first).toBe('failed');
});
