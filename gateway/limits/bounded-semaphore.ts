import { SecurityError } from '@aduana/core/errors/security-error';
import type { CancelSignal } from '@aduana/core/platform/cancellation';
import type { Clock } from '@aduana/core/platform/clock';

export interface BoundedSemaphoreOptions {
  /** How many may be inside at once. */
  readonly places: number;
  /** How many may wait for a place. */
  readonly waiting: number;
  readonly clock: Clock;
  /** For the log: whose places these are. */
  readonly name: string;
  readonly onRefuse: () => void;
}

/** A bounded number of places with a bounded queue before them, first come, first served. */
export interface BoundedSemaphore {
  /** @returns whether a place was free */
  tryTake(): boolean;
  /**
   * Waits for a place; who has left meanwhile does not get one.
   *
   * @throws SecurityError `OVERLOADED` at once where too many wait, or when the time is over
   */
  take(milliseconds: number, signal?: CancelSignal): Promise<void>;
  /** Gives a place back. */
  leave(): void;
  readonly taken: number;
  readonly waiting: number;
}

interface Waiting {
  readonly signal: CancelSignal | undefined;
  readonly enter: () => void;
  readonly refuse: (reason: string) => void;
}

const RETRY_AFTER_SECONDS = 1;

export function createBoundedSemaphore(options: BoundedSemaphoreOptions): BoundedSemaphore {
  const { places } = options;
  const queue = createQueue(options);
  let taken = 0;
  const tryTake = (): boolean => {
    if (taken >= places) return false;
    taken += 1;
    return true;
  };
  return {
    tryTake,
    take: (milliseconds, signal) => (tryTake() ? Promise.resolve() : queue.wait(milliseconds, signal)),
    leave() {
      if (!queue.letIn()) taken -= 1;
    },
    get taken() {
      return taken;
    },
    get waiting() {
      return queue.size;
    },
  };
}

interface Queue {
  wait(milliseconds: number, signal: CancelSignal | undefined): Promise<void>;
  /** @returns whether somebody waited for the place */
  letIn(): boolean;
  readonly size: number;
}

function createQueue({ waiting: longest, clock, name, onRefuse }: BoundedSemaphoreOptions): Queue {
  const queue = new Set<Waiting>();

  function overloaded(reason: string): SecurityError {
    onRefuse();
    const detail = `${reason} for ${name}`;
    return new SecurityError('OVERLOADED', { detail, retryAfterSeconds: RETRY_AFTER_SECONDS });
  }

  /** Looks for those who have left only when their room is needed. */
  function forgetLeft(): void {
    for (const { signal, refuse } of queue) if (signal?.aborted === true) refuse('nobody waits any more');
  }

  return {
    wait(milliseconds, signal) {
      if (queue.size >= longest) forgetLeft();
      if (queue.size >= longest) return Promise.reject(overloaded('too many wait'));
      return new Promise((resolve, reject) => {
        const end = (): void => {
          queue.delete(waiting);
          timer.cancel();
        };
        const waiting: Waiting = {
          signal,
          enter() {
            end();
            resolve();
          },
          refuse(reason) {
            end();
            reject(overloaded(reason));
          },
        };
        const timer = clock.after(milliseconds, () => {
          waiting.refuse('no place in time');
        });
        queue.add(waiting);
      });
    },
    letIn() {
      for (const { signal, enter, refuse } of queue) {
        if (signal?.aborted !== true) {
          enter();
          return true;
        }
        refuse('nobody waits any more');
      }
      return false;
    },
    get size() {
      return queue.size;
    },
  };
}
