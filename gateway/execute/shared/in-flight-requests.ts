/** Execute, at each fetch: the same request of the same caller, while one is under way, is sent once. */

import { type CancelSignal, Cancellation } from '@aduana/core/platform/cancellation';
import type { SubgraphResponse } from './subgraph-response.ts';
import type { CancellationScope } from './cancellation-scope.ts';

/** Requests that are under way: who asks the same, as the same caller, waits for the same answer. */
export interface InFlightRequests {
  /**
   * @param key everything that the answer may depend on
   * @param start runs until nobody waits any more: its signal is then aborted; what it gives to `keep` is released when the last
   * operation that had the answer is over
   */
  share(
    key: string,
    waiter: Pick<CancellationScope, 'onEnd' | 'keep'>,
    start: Start,
  ): Promise<SubgraphResponse>;
  /** Something may have changed: what was asked before answers nobody who asks from now on. */
  forget(): void;
}

type Start = (signal: CancelSignal, keep: CancellationScope['keep']) => Promise<SubgraphResponse>;

interface SharedRequest {
  readonly answer: Promise<SubgraphResponse>;
  readonly cancellation: Cancellation;
  /** Nobody joins any more. */
  readonly close: () => void;
  readonly kept: (() => void)[];
  waiting: number;
  /** Operations that wait or have the answer. */
  holders: number;
}

/** For one executor: callers are distinguished by the key alone. */
export function createInFlightRequests(): InFlightRequests {
  let requests = new Map<string, SharedRequest>();
  const open = (key: string, start: Start): SharedRequest => {
    const current = requests;
    const cancellation = new Cancellation();
    const close = (): void => {
      if (current.get(key) === request) current.delete(key);
    };
    const kept: (() => void)[] = [];
    const keep = (release: () => void): void => {
      if (request.holders > 0) kept.push(release);
      else release();
    };
    const answer = start(cancellation, keep).finally(close);
    const request: SharedRequest = { answer, cancellation, close, kept, waiting: 0, holders: 0 };
    requests.set(key, request);
    return request;
  };
  return {
    async share(key, waiter, start) {
      const request = requests.get(key) ?? open(key, start);
      request.waiting += 1;
      request.holders += 1;
      waiter.keep(() => {
        request.holders -= 1;
        if (request.holders === 0) for (const release of request.kept.splice(0)) release();
      });
      const removeListener = waiter.onEnd((reason) => {
        request.waiting -= 1;
        if (request.waiting > 0) return;
        request.close(); // who asks from now on must not get what nobody waits for
        request.cancellation.abort(reason);
      });
      try {
        return await request.answer;
      } finally {
        removeListener();
      }
    },
    forget() {
      requests = new Map();
    },
  };
}
