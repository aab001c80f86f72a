/** When an operation may begin. */
export interface OperationTurns {
  /**
   * Callers whose operations wait take turns, so that one with many does not delay the others; those of one caller begin in
   * their order.
   *
   * @returns undefined where the operation may begin at once
   */
  take(caller: string): Promise<void> | undefined;
}

/** With one, each cheap request would cost a turn of its own; with many, nothing would wait. */
const EACH_TURN = 4;

/**
 * Lets few operations begin in one turn of the event loop, so that those that have begun end sooner. Under load fewer answers
 * of subgraphs are then in memory at once, which each garbage collection would copy. An idle loop turns at once, so that
 * nothing waits.
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
