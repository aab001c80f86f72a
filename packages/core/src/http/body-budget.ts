import { SecurityError } from '../errors/security-error.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import { createLimitedPlaces } from '../platform/limited-places.ts';

/** How many bytes the bodies of all requests may take. */
export interface BodyBudgetOptions {
  readonly clock: Clock;
  /** Of all bodies together that have arrived in whole or in part and whose requests are not answered. */
  readonly totalBytes?: number | undefined;
}

/** What the bodies of all requests of one service may take together, and for how long one may take to arrive. */
export interface BodyBudget {
  /** A body that is larger is refused whatever its route allows: no client may hold more than half of what there is. */
  readonly largestBytes: number;
  /**
   * Counts bytes that have arrived.
   *
   * @param owner whose they are, for a body that is not complete
   * @throws SecurityError `OVERLOADED`, `CONCURRENCY_LIMITED` where the owner alone holds half of what there is
   */
  take(bytes: number, owner?: string): void;
  give(bytes: number, owner?: string): void;
  /**
   * Calls `refuse` where nothing comes for too long, or not all of it in time.
   *
   * @param source the address of a client that nobody knows: of too many such bodies that have not arrived, the oldest is refused
   */
  watch(received: () => number, refuse: (error: SecurityError) => void, source?: string): Timer;
}

/** What a chunk that waits takes in memory beside its bytes. */
export const CHUNK_BYTES = 512;

const TOTAL_BYTES = 67_108_864;
const LONGEST_STALL_MS = 5_000;
/** Below what the listener allows a request in all, so that its refusal is recorded like any other. */
const LONGEST_ARRIVAL_MS = 20_000;

/** Of clients that nobody knows. */
const MOST_HALF_SENT = { ofOne: 256, ofAll: 1_024 } as const;

export function createBodyBudget({ clock, totalBytes = TOTAL_BYTES }: BodyBudgetOptions): BodyBudget {
  const share = Math.floor(totalBytes / 2);
  const byOwner = new Map<string, number>();
  const halfSent = createLimitedPlaces(MOST_HALF_SENT);
  let total = 0;
  return {
    largestBytes: share,
    take(bytes, owner) {
      if (total + bytes > totalBytes)
        throw new SecurityError('OVERLOADED', { detail: 'no room for bodies', retryAfterSeconds: 1 });
      if (owner !== undefined) {
        const held = (byOwner.get(owner) ?? 0) + bytes;
        if (held > share)
          throw new SecurityError('CONCURRENCY_LIMITED', {
            detail: 'no room for bodies of this client',
            retryAfterSeconds: 1,
          });
        byOwner.set(owner, held);
      }
      total += bytes;
    },
    give(bytes, owner) {
      total -= bytes;
      if (owner === undefined) return;
      const rest = (byOwner.get(owner) ?? 0) - bytes;
      if (rest > 0) byOwner.set(owner, rest);
      else byOwner.delete(owner);
    },
    watch(received, refuse, source) {
      const arrival = watchArrival(clock, received, refuse);
      if (source === undefined) return arrival;
      const leave = halfSent.take(source, () => {
        arrival.cancel();
        refuse(new SecurityError('REQUEST_TIMEOUT', { detail: 'a newer body took its place' }));
      });
      return {
        cancel() {
          leave();
          arrival.cancel();
        },
      };
    },
  };
}

function watchArrival(clock: Clock, received: () => number, refuse: (error: SecurityError) => void): Timer {
  const since = clock.monotonic();
  let before = received();
  let timer = clock.after(LONGEST_STALL_MS, look);
  function look(): void {
    const now = received();
    if (now === before || clock.monotonic() - since >= LONGEST_ARRIVAL_MS)
      refuse(
        new SecurityError('REQUEST_TIMEOUT', { detail: `${String(now)} bytes of the body came in time` }),
      );
    else {
      before = now;
      timer = clock.after(LONGEST_STALL_MS, look);
    }
  }
  return {
    cancel: () => {
      timer.cancel();
    },
  };
}
