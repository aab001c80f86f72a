/** Execute, at each fetch: the same request of the same caller, while one is under way, is sent once. */

import type { SubgraphResponse } from './subgraph-response.ts';
import type { CancellationScope } from './cancellation-scope.ts';

/** Requests that are under way: who asks the same, as the same caller, waits for the same answer. */
export interface InFlightRequests {
  /**
   * @param key everything that the answer may depend on
   * @param start runs until nobody waits any more: its signal is then aborted
   */
  share(
    key: string,
    waiter: Pick<CancellationScope, 'onEnd'>,
    start: (signal: AbortSignal) => Promise<SubgraphResponse>,
  ): Promise<SubgraphResponse>;
  /** Something may have changed: what was asked before answers nobody who asks from now on. */
  forget(): void;
}

interface SharedRequest {
  readonly answer: Promise<SubgraphResponse>;
  readonly controller: AbortController;
  /** Nobody joins any more. */
  readonly close: () => void;
  waiting: number;
}

/** For one executor: callers are distinguished by the key alone. */
export function createInFlightRequests(): InFlightRequests {
  let requests = new Map<string, SharedRequest>();
  const open = (key: string, start: (signal: AbortSignal) => Promise<SubgraphResponse>): SharedRequest => {
    const current = requests;
    const controller = new AbortController();
    const close = (): void => {
      if (current.get(key) === request) current.delete(key);
    };
    const answer = start(controller.signal).finally(close);
    const request: SharedRequest = { answer, controller, close, waiting: 0 };
    requests.set(key, request);
    return request;
  };
  return {
    async share(key, waiter, start) {
      const request = requests.get(key) ?? open(key, start);
      request.waiting += 1;
      const removeListener = waiter.onEnd((reason) => {
        request.waiting -= 1;
        if (request.waiting > 0) return;
        request.close(); // who asks from now on must not get what nobody waits for
        request.controller.abort(reason);
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
