import { Cancellation, toAbortSignal } from '@aduana/core/platform/cancellation';
import { expect, test } from '@jest/globals';

const REASON = new Error('the client left');

test('each listener is called once, and only the first reason counts', () => {
  const cancellation = new Cancellation();
  const calls: string[] = [];
  cancellation.addEventListener('abort', () => calls.push('one'));
  cancellation.addEventListener('abort', () => calls.push('two'));
  expect([cancellation.aborted, cancellation.reason]).toEqual([false, undefined]);
  cancellation.abort(REASON);
  cancellation.abort(new Error('later'));
  expect(calls).toEqual(['one', 'two']);
  expect([cancellation.aborted, cancellation.reason]).toEqual([true, REASON]);
});

test('a listener that was taken back, or that comes later, is not called', () => {
  const cancellation = new Cancellation();
  let calls = 0;
  const listener = (): void => {
    calls += 1;
  };
  cancellation.addEventListener('abort', listener);
  cancellation.removeEventListener('abort', listener);
  cancellation.abort(REASON);
  cancellation.addEventListener('abort', listener);
  expect(calls).toBe(0);
});

test.each(['before', 'after'])("the platform's own signal follows one that is aborted %s", (when) => {
  const cancellation = new Cancellation();
  if (when === 'before') cancellation.abort(REASON);
  const signal = toAbortSignal(cancellation);
  cancellation.abort(REASON);
  expect(signal).toBeInstanceOf(AbortSignal);
  expect([signal.aborted, signal.reason]).toEqual([true, REASON]);
});

test("the platform's own signal stays itself", () => {
  const { signal } = new AbortController();
  expect(toAbortSignal(signal)).toBe(signal);
});
