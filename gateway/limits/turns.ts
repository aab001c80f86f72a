import { FairShares } from '@aduana/core/platform/fair-shares';

/**
 * Lets those who wait go on one by one, each in a turn of the event loop of its own: next is who has had the least time, so
 * that many small turns are worth one long one.
 */
export interface Turns {
  /** Notes what an owner took, in milliseconds; from then on everybody waits for a turn, until nobody does. */
  note(owner: string, milliseconds: number): void;
  readonly areTaken: boolean;
  wait(owner: string): Promise<void>;
}

/** What a turn counts as beside what is noted of it. */
const TURN_MS = 0.1;

export function createTurns(): Turns {
  let shares = new FairShares<() => void>();
  let areTaken = false;

  function next(): void {
    const share = shares.least();
    if (share === undefined) {
      areTaken = false;
      shares = new FairShares();
      return;
    }
    const proceed = share.first;
    shares.take(share, TURN_MS);
    proceed?.();
    setImmediate(next);
  }

  return {
    note(owner, milliseconds) {
      shares.charge(owner, milliseconds);
      if (areTaken) return;
      areTaken = true;
      setImmediate(next);
    },
    get areTaken() {
      return areTaken;
    },
    wait(owner) {
      return new Promise((resolve) => {
        shares.add(owner, resolve);
      });
    },
  };
}
