/** What one owner has waiting, the oldest first. */
export interface Share<Item> {
  readonly owner: string;
  readonly size: number;
  /** The oldest, undefined where nothing waits. */
  readonly first: Item | undefined;
}

/**
 * What waits, and who is next: the owner that has had the least. An owner that is new starts with what those who waited have
 * had until then, so that nobody saves up, nobody is kept waiting by ever new ones, and many small things are worth one large
 * one (start-time fair queueing; Goyal, Vin and Cheng 1996).
 *
 * @example
 * const shares = new FairShares<Job>();
 * shares.add('bff', job);
 * const next = shares.least(); // its owner, and its oldest job
 * if (next !== undefined) shares.take(next, milliseconds);
 */
export class FairShares<Item> {
  readonly #shares = new Map<string, OwnShare<Item>>();
  /** What an owner that is new has had. */
  #level = 0;
  #owners = 0;

  /** Behind all that the owner has waiting. */
  add(owner: string, item: Item): void {
    const share = this.#of(owner);
    if (share.size === 0) {
      share.had = Math.max(share.had, this.#level);
      this.#owners += 1;
    }
    share.push(item);
  }

  /**
   * Takes out the oldest of a share that has one.
   *
   * @param cost in whatever unit, the same for all
   */
  take({ owner }: Share<Item>, cost: number): void {
    const share = this.#of(owner);
    this.#level = Math.max(this.#level, share.had);
    this.charge(owner, cost);
    share.shift();
    if (share.size === 0) this.#owners -= 1;
  }

  /** What was had beside the cost of what was taken. */
  charge(owner: string, cost: number): void {
    this.#of(owner).had += cost;
    if (this.#owners > 0) this.#level += cost / (this.#owners + 1); // less than an only owner has had: a new one is next
  }

  /** What its owner left to others is not saved up. */
  pass({ owner }: Share<Item>): void {
    const share = this.#of(owner);
    share.had = Math.max(share.had, this.#level);
  }

  sizeOf(owner: string): number {
    return this.#shares.get(owner)?.size ?? 0;
  }

  /** Who is next, of equals the oldest; takes time in proportion to the owners. */
  least(): Share<Item> | undefined {
    let least: OwnShare<Item> | undefined;
    for (const share of this.#waiting()) if (least === undefined || share.had < least.had) least = share;
    return least;
  }

  /** All who have something waiting, who is next first. */
  inOrder(): readonly Share<Item>[] {
    return [...this.#waiting()].sort((a, b) => a.had - b.had);
  }

  /** Forgets on its way who has no more than a new owner would have. */
  *#waiting(): Generator<OwnShare<Item>> {
    for (const share of this.#shares.values())
      if (share.size > 0) yield share;
      else if (share.had <= this.#level) this.#shares.delete(share.owner);
  }

  #of(owner: string): OwnShare<Item> {
    let share = this.#shares.get(owner);
    if (share === undefined) this.#shares.set(owner, (share = new OwnShare(owner, this.#level)));
    return share;
  }
}

/** How many taken items are kept before the rest is moved. */
const MOST_TAKEN = 1024;

class OwnShare<Item> implements Share<Item> {
  readonly owner: string;
  had: number;
  #items: Item[] = [];
  #taken = 0;

  constructor(owner: string, had: number) {
    this.owner = owner;
    this.had = had;
  }

  get size(): number {
    return this.#items.length - this.#taken;
  }

  get first(): Item | undefined {
    return this.#items[this.#taken];
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  shift(): void {
    this.#taken += 1;
    if (this.size > 0 && this.#taken < MOST_TAKEN) return;
    this.#items = this.#items.slice(this.#taken);
    this.#taken = 0;
  }
}
