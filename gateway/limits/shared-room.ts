/** Room, in bytes, that many owners share. */
export interface SharedRoom {
  /** @returns false, and nothing is taken, where the owner would then have more than is left for all others */
  take(owner: string, bytes: number): boolean;
  /** Counts what is in memory already, whether or not there is room. */
  add(owner: string, bytes: number): void;
  give(owner: string, bytes: number): void;
  /** Whether the owner has as much as is left for all others; who has little has room even where there is none. */
  isFull(owner: string): boolean;
  /**
   * Whether there is room for what is in memory already: with it the owner has no more than is left for all others, or little,
   * or nothing else.
   */
  holds(owner: string, bytes: number): boolean;
  takenBy(owner: string): number;
}

/** Of the whole room: less than this part of it is little. */
const LITTLE = 64;

/**
 * Shares room so that nobody starves the others: of one owner alone half is the most, of several who take all they can get
 * each has as much as stays free, and whoever has little finds room.
 */
export function createSharedRoom(totalBytes: number | 'off'): SharedRoom {
  const total = totalBytes === 'off' ? Infinity : totalBytes;
  const byOwner = new Map<string, number>();
  let taken = 0;
  const takenBy = (owner: string): number => byOwner.get(owner) ?? 0;
  const add = (owner: string, bytes: number): void => {
    if (bytes === 0) return;
    byOwner.set(owner, takenBy(owner) + bytes);
    taken += bytes;
  };
  return {
    take(owner, bytes) {
      if (bytes > 0 && takenBy(owner) + bytes > total - taken - bytes) return false;
      add(owner, bytes);
      return true;
    },
    add,
    give(owner, bytes) {
      const rest = takenBy(owner) - bytes;
      if (rest > 0) byOwner.set(owner, rest);
      else byOwner.delete(owner);
      taken -= bytes;
    },
    isFull: (owner) => takenBy(owner) >= Math.max(total - taken, total / LITTLE),
    holds: (owner, bytes) =>
      takenBy(owner) === 0 || takenBy(owner) + bytes <= Math.max(total - taken - bytes, total / LITTLE),
    takenBy,
  };
}
