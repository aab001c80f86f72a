export interface LimitedPlaces {
  /**
   * @param owner whom the place counts for
   * @param end called at once, without the place, when another one takes it
   * @returns leaves the place
   */
  take(owner: string, end: () => void): () => void;
}

/**
 * Places for what nobody answers for yet. Where all are taken, a new one takes the place of the oldest of who has most: what
 * has waited longest is the least likely to come, and who has few keeps them.
 *
 * @param most how many there are, and how many of them one owner may have
 * @example
 * const places = createLimitedPlaces({ ofOne: 256, ofAll: 1_024 });
 * const leave = places.take('192.0.2.1', () => socket.destroy());
 */
export function createLimitedPlaces(most: { readonly ofOne: number; readonly ofAll: number }): LimitedPlaces {
  const byOwner = new Map<string, Set<() => void>>();
  let taken = 0;

  function remove(owner: string, own: Set<() => void>, end: () => void): void {
    if (!own.delete(end)) return;
    taken -= 1;
    if (own.size === 0) byOwner.delete(owner);
  }

  function endOldest(owner: string, own: Set<() => void>): void {
    const [oldest] = own;
    if (oldest === undefined) return;
    remove(owner, own, oldest);
    oldest();
  }

  return {
    take(owner, end) {
      const before = byOwner.get(owner);
      if (before !== undefined && before.size >= most.ofOne) endOldest(owner, before);
      else if (taken >= most.ofAll) endOldest(...ownerOfMost(byOwner));
      const own = byOwner.get(owner) ?? new Set();
      byOwner.set(owner, own.add(end));
      taken += 1;
      return () => {
        remove(owner, own, end);
      };
    },
  };
}

function ownerOfMost<Item>(sets: ReadonlyMap<string, Set<Item>>): [owner: string, own: Set<Item>] {
  let most: [string, Set<Item>] = ['', new Set()];
  for (const one of sets) if (one[1].size > most[1].size) most = one;
  return most;
}
