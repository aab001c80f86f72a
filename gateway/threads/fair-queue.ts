/** What waits, its owners in rotation: one of each owner before a second one of any. */
export interface FairQueue<Item> {
  /** @returns what keeps it out: its owner has too many waiting, or all owners have */
  add(owner: string, item: Item): 'added' | 'owner_full' | 'full';
  /** @param may which owners may have theirs now; default: all */
  next(may?: (owner: string) => boolean): Item | undefined;
  /** Whether `next` has one. */
  has(may: (owner: string) => boolean): boolean;
  readonly size: number;
}

export interface FairQueueOptions {
  readonly perOwner: number;
  readonly inAll: number;
}

export function createFairQueue<Item>({ perOwner, inAll }: FairQueueOptions): FairQueue<Item> {
  const queues = new Map<string, Item[]>();
  let size = 0;
  return {
    add(owner, item) {
      const queue = queues.get(owner);
      if (queue !== undefined && queue.length >= perOwner) return 'owner_full';
      if (size >= inAll) return 'full';
      if (queue === undefined) queues.set(owner, [item]);
      else queue.push(item);
      size += 1;
      return 'added';
    },
    next(may = () => true) {
      for (const [owner, queue] of queues) {
        if (!may(owner)) continue;
        queues.delete(owner);
        const item = queue.shift();
        if (queue.length > 0) queues.set(owner, queue); // behind all others
        size -= 1;
        return item;
      }
      return undefined;
    },
    has: (may) => [...queues.keys()].some(may),
    get size() {
      return size;
    },
  };
}
