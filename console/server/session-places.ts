import { SecurityError } from '@aduana/core/errors/security-error';

/** What may be under way at once. */
export interface Places {
  /**
   * @returns gives the place back
   * @throws SecurityError `CONCURRENCY_LIMITED`
   */
  enter(owner: string): () => void;
}

/** Counts what is under way for each owner, and in all. */
export function createPlaces(mostOfOne: number, mostOfAll: number): Places {
  const taken = new Map<string, number>();
  let count = 0;
  return {
    enter(owner) {
      const own = taken.get(owner) ?? 0;
      if (own >= mostOfOne || count >= mostOfAll)
        throw new SecurityError('CONCURRENCY_LIMITED', { retryAfterSeconds: 1 });
      taken.set(owner, own + 1);
      count += 1;
      let left = false;
      return () => {
        if (left) return;
        left = true;
        count -= 1;
        const rest = (taken.get(owner) ?? 1) - 1;
        if (rest === 0) taken.delete(owner);
        else taken.set(owner, rest);
      };
    },
  };
}
