/**
 * Lets those who wait go on one by one, each in a turn of the event loop of its own: next is who waits and has had the least
 * time. Whoever comes later starts with what has been had by who is served then (start-time fair queueing, Goyal, Vin and
 * Cheng 1996), so that nobody saves up time, and many small turns are worth one long one.
 */
export interface Turns {
  /** Notes what an owner took, in milliseconds; from then on everybody waits for a turn, until nobody does. */
  note(owner: string, milliseconds: number): void;
  readonly areTaken: boolean;
  wait(owner: string): Promise<void>;
}

interface Owner {
  readonly waiting: (() => void)[];
  /** Milliseconds, its start included. */
  had: number;
}

/** What a turn counts as beside what is noted of it. */
const TURN_MS = 0.1;

export function createTurns(): Turns {
  const owners = new Map<string, Owner>();
  let areTaken = false;
  /** What who was served last had had. */
  let level = 0;

  function ownerOf(name: string): Owner {
    let owner = owners.get(name);
    if (owner === undefined) owners.set(name, (owner = { waiting: [], had: level }));
    return owner;
  }

  function next(): void {
    const chosen = takeLeast();
    if (chosen === undefined) {
      areTaken = false;
      owners.clear();
      level = 0;
      return;
    }
    level = chosen.had;
    chosen.had += TURN_MS;
    chosen.waiting.shift()?.();
    setImmediate(next);
  }

  /** Forgets on its way who has no more than a newcomer would have. */
  function takeLeast(): Owner | undefined {
    let least: Owner | undefined;
    for (const [name, owner] of owners)
      if (owner.waiting.length === 0) {
        if (owner.had <= level) owners.delete(name);
      } else if (least === undefined || owner.had < least.had) least = owner;
    return least;
  }

  return {
    note(name, milliseconds) {
      ownerOf(name).had += milliseconds;
      if (areTaken) return;
      areTaken = true;
      setImmediate(next);
    },
    get areTaken() {
      return areTaken;
    },
    wait(name) {
      return new Promise((resolve) => {
        const owner = ownerOf(name);
        if (owner.waiting.push(resolve) === 1) owner.had = Math.max(owner.had, level);
      });
    },
  };
}
