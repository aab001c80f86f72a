/** When an operation may begin. */
export interface OperationTurns {
  /**
   * Undefined: at once. Operations of one caller that wait begin in their order, those of several in turns: who asks for much
   * lets others wait no longer.
   */
  take(caller: string): Promise<void> | undefined;
}

/** With one, requests that cost little would turn the loop for each of them; with many, nothing would wait. */
const EACH_TURN = 4;

/**
 * Lets few operations begin in one turn of the event loop: what has arrived for those that have begun goes first. Under
 * load they then end sooner, and fewer answers of subgraphs are in memory at once, which the garbage collector would copy
 * each time. Where the loop has nothing to do, its turns follow each other at once.
 */
export function createOperationTurns(): OperationTurns {
  const waiting = new Map<string, (() => void)[]>();
  let begun = 0;

  function turn(): void {
    begun = 0;
    while (begun < EACH_TURN && waiting.size > 0) {
      begun += 1;
      beginOne();
    }
    if (begun > 0) setImmediate(turn);
  }

  /** Of the caller who has waited longest since it last had its turn. */
  function beginOne(): void {
    for (const [caller, own] of waiting) {
      waiting.delete(caller);
      own.shift()?.();
      if (own.length > 0) waiting.set(caller, own);
      return;
    }
  }

  return {
    take(caller) {
      if (begun < EACH_TURN) {
        if (begun === 0) setImmediate(turn);
        begun += 1;
        return undefined;
      }
      return new Promise((resolve) => {
        const own = waiting.get(caller);
        if (own === undefined) waiting.set(caller, [resolve]);
        else own.push(resolve);
      });
    },
  };
}
