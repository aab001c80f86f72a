/** Lets those who wait go on one by one, each in a turn of the event loop of its own, their owners in rotation. */
export interface Turns {
  /** From now on everybody waits for a turn, until nobody does. */
  begin(): void;
  readonly areTaken: boolean;
  wait(owner: string): Promise<void>;
}

export function createTurns(): Turns {
  const queues = new Map<string, (() => void)[]>();
  let areTaken = false;

  function next(): void {
    const [first] = queues;
    if (first === undefined) {
      areTaken = false;
      return;
    }
    const [owner, waiting] = first;
    queues.delete(owner);
    const proceed = waiting.shift();
    if (waiting.length > 0) queues.set(owner, waiting); // behind all others
    proceed?.();
    setImmediate(next);
  }

  return {
    begin() {
      if (areTaken) return;
      areTaken = true;
      setImmediate(next);
    },
    get areTaken() {
      return areTaken;
    },
    wait(owner) {
      return new Promise((resolve) => {
        const waiting = queues.get(owner);
        if (waiting === undefined) queues.set(owner, [resolve]);
        else waiting.push(resolve);
      });
    },
  };
}
