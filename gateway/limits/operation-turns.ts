/** When an operation may begin. */
export interface OperationTurns {
  /** Undefined: at once. Those that wait begin in their order. */
  take(): Promise<void> | undefined;
}

/** With one, requests that cost little would turn the loop for each of them; with many, nothing would wait. */
const EACH_TURN = 4;

/**
 * Lets few operations begin in one turn of the event loop: what has arrived for those that have begun goes first. Under
 * load they then end sooner, and fewer answers of subgraphs are in memory at once, which the garbage collector would copy
 * each time. Where the loop has nothing to do, its turns follow each other at once.
 */
export function createOperationTurns(): OperationTurns {
  let waiting: (() => void)[] = [];
  let begun = 0;

  function turn(): void {
    const beginning = waiting.slice(0, EACH_TURN);
    waiting = waiting.slice(EACH_TURN);
    begun = beginning.length;
    if (begun > 0) setImmediate(turn);
    for (const begin of beginning) begin();
  }

  return {
    take() {
      if (begun === EACH_TURN) return new Promise((resolve) => waiting.push(resolve));
      if (begun === 0) setImmediate(turn);
      begun += 1;
      return undefined;
    },
  };
}
