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

/**
 * A bounded number of places with a bounded queue before them, its owners in rotation. An eighth of the places is for
 * owners that have less than is left; while others wait nobody gets more than half. Nobody has more waiting than is left for
 * all others.
 */
export interface BoundedSemaphore {
  /** @returns whether a place was free */
  tryTake(owner: string): boolean;
  /**
   * Waits for a place; who has left meanwhile does not get one.
   *
   * @throws SecurityError `OVERLOADED` at once where too many wait, or when the time is over
   */
  take(owner: string, milliseconds: number, signal?: CancelSignal): Promise<void>;
  /** Gives a place back. */
  leave(owner: string): void;
  readonly taken: number;
  readonly waiting: number;
}

interface Waiting {
  readonly signal: CancelSignal | undefined;
  readonly enter: () => void;
  readonly refuse: (reason: string) => void;
}

const RETRY_AFTER_SECONDS = 1;
const LEFT = 'nobody waits any more';
/** Of the places: this part is for owners that have few. */
const KEPT = 8;

export function createBoundedSemaphore(options: BoundedSemaphoreOptions): BoundedSemaphore {
  const { places } = options;
  const kept = Math.floor(places / KEPT);
  const byOwner = new Map<string, number>();
  const queue = createQueue(options);
  let taken = 0;
  const takenBy = (owner: string): number => byOwner.get(owner) ?? 0;
  const mayTake = (owner: string): boolean => {
    const free = places - taken;
    return free > kept || takenBy(owner) < free;
  };
  const hasLittle = (owner: string): boolean => takenBy(owner) < places / 2 && mayTake(owner);
  const add = (owner: string): void => {
    byOwner.set(owner, takenBy(owner) + 1);
    taken += 1;
  };
  const tryTake = (owner: string): boolean => {
    if (taken >= places || !mayTake(owner)) return false;
    add(owner);
    return true;
  };
  /** One place that was given back may let several in, each of which was kept from those that are left. */
  const letIn = (): void => {
    while (taken < places && queue.size > 0) {
      const owner = queue.letIn(hasLittle) ?? queue.letIn(mayTake);
      if (owner === undefined) return;
      add(owner);
    }
  };
  return {
    tryTake,
    take: (owner, milliseconds, signal) =>
      tryTake(owner) ? Promise.resolve() : queue.wait(owner, milliseconds, signal),
    leave(owner) {
      const rest = takenBy(owner) - 1;
      if (rest > 0) byOwner.set(owner, rest);
      else byOwner.delete(owner);
      taken -= 1;
      letIn();
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
  wait(owner: string, milliseconds: number, signal: CancelSignal | undefined): Promise<void>;
  /** @returns who was let in, of those that may */
  letIn(may: (owner: string) => boolean): string | undefined;
  readonly size: number;
}

function createQueue({ waiting: longest, clock, name, onRefuse }: BoundedSemaphoreOptions): Queue {
  const rotation = createRotation();

  function overloaded(reason: string): SecurityError {
    onRefuse();
    const detail = `${reason} for ${name}`;
    return new SecurityError('OVERLOADED', { detail, retryAfterSeconds: RETRY_AFTER_SECONDS });
  }

  const isFull = (owner: string): boolean => rotation.sizeOf(owner) >= longest - rotation.size;

  return {
    wait(owner, milliseconds, signal) {
      if (isFull(owner)) rotation.forgetLeft();
      if (isFull(owner)) return Promise.reject(overloaded('too many wait'));
      return new Promise((resolve, reject) => {
        const end = (): void => {
          rotation.remove(owner, waiting);
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
        rotation.add(owner, waiting);
      });
    },
    letIn: (may) => rotation.letIn(may),
    get size() {
      return rotation.size;
    },
  };
}

/** Those who wait, one of each owner before a second one of any. */
function createRotation() {
  const queues = new Map<string, Set<Waiting>>();
  let size = 0;

  /** Looks for those who have left only when their room or their turn is needed. */
  function firstThatWaits(queue: Set<Waiting>): Waiting | undefined {
    for (const waiting of queue) {
      if (waiting.signal?.aborted !== true) return waiting;
      waiting.refuse(LEFT);
    }
    return undefined;
  }

  return {
    get size() {
      return size;
    },
    sizeOf: (owner: string): number => queues.get(owner)?.size ?? 0,
    add(owner: string, waiting: Waiting): void {
      const queue = queues.get(owner);
      if (queue === undefined) queues.set(owner, new Set([waiting]));
      else queue.add(waiting);
      size += 1;
    },
    remove(owner: string, waiting: Waiting): void {
      const queue = queues.get(owner);
      if (queue?.delete(waiting) !== true) return;
      size -= 1;
      if (queue.size === 0) queues.delete(owner);
    },
    forgetLeft(): void {
      for (const queue of queues.values())
        for (const { signal, refuse } of queue) if (signal?.aborted === true) refuse(LEFT);
    },
    letIn(may: (owner: string) => boolean): string | undefined {
      for (const [owner, queue] of queues) {
        const waiting = may(owner) ? firstThatWaits(queue) : undefined;
        if (waiting === undefined) continue;
        queues.delete(owner);
        queues.set(owner, queue); // behind all others
        waiting.enter();
        return owner;
      }
      return undefined;
    },
  };
}
