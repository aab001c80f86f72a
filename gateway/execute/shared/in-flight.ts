import type { FetchedAnswer } from './fetched-answer.ts';
import type { RunningOperation } from './running-operation.ts';

/** Requests that are under way: who asks the same, as the same caller, waits for the same answer. */
export interface InFlight {
  /**
   * @param key everything that the answer may depend on
   * @param start runs until nobody waits any more: its signal is then aborted
   */
  share(
    key: string,
    waiter: Pick<RunningOperation, 'onEnd'>,
    start: (signal: AbortSignal) => Promise<FetchedAnswer>,
  ): Promise<FetchedAnswer>;
  /** Something may have changed: what was asked before answers nobody who asks from now on. */
  forget(): void;
}

interface Flight {
  readonly answer: Promise<FetchedAnswer>;
  readonly controller: AbortController;
  /** Nobody joins any more. */
  readonly close: () => void;
  waiting: number;
}

export function createInFlight(): InFlight {
  let flights = new Map<string, Flight>();
  const begin = (key: string, start: (signal: AbortSignal) => Promise<FetchedAnswer>): Flight => {
    const started = flights;
    const controller = new AbortController();
    const close = (): void => {
      if (started.get(key) === flight) started.delete(key);
    };
    const answer = start(controller.signal).finally(close);
    const flight: Flight = { answer, controller, close, waiting: 0 };
    flights.set(key, flight);
    return flight;
  };
  return {
    async share(key, waiter, start) {
      const flight = flights.get(key) ?? begin(key, start);
      flight.waiting += 1;
      const stay = waiter.onEnd((reason) => {
        flight.waiting -= 1;
        if (flight.waiting > 0) return;
        flight.close(); // who asks from now on must not get what nobody waits for
        flight.controller.abort(reason);
      });
      try {
        return await flight.answer;
      } finally {
        stay();
      }
    },
    forget() {
      flights = new Map();
    },
  };
}
