/** What one owner has waiting, the oldest first. */
export interface Share<Item> {
  readonly owner: string;
  readonly size: number;
  /** The oldest, undefined where nothing waits. */
  readonly first: Item | undefined;
  /** Takes out the oldest. */
  shift(): void;
}

/**
 * What waits, and who is next: the owner that has had the least. Whoever comes later starts with what has been had by who is
 * next then, so that nobody saves up, and many small things are worth one large one (start-time fair queueing; Goyal, Vin and
 * Cheng 1996).
 *
 * @example
 * const shares = new FairShares<Job>();
 * shares.add('bff', job);
 * const next = shares.least(); // its owner, and its oldest job
 * shares.charge('bff', milliseconds);
 */
export class FairShares<Item> {
  readonly #shares = new Map<string, OwnShare<Item>>();
  /** What who was next last had had. */
  #level = 0;

  /** Behind all that the owner has waiting. */
  add(owner: string, item: Item): void {
    const share = this.#of(owner);
    if (share.size === 0) share.had = Math.max(share.had, this.#level);
    share.push(item);
  }

  /** @param cost in whatever unit, the same for all */
  charge(owner: string, cost: number): void {
    this.#of(owner).had += cost;
  }

  sizeOf(owner: string): number {
    return this.#shares.get(owner)?.size ?? 0;
  }

  /** Who is next; takes time in proportion to the owners. */
  least(): Share<Item> | undefined {
    let least: OwnShare<Item> | undefined;
    for (const share of this.#waiting()) if (least === undefined || share.had < least.had) least = share;
    if (least !== undefined) this.#level = least.had;
    return least;
  }

  /** All who have something waiting, who is next first. */
  inOrder(): readonly Share<Item>[] {
    const shares = [...this.#waiting()].sort((a, b) => a.had - b.had);
    this.#level = shares[0]?.had ?? this.#level;
    return shares;
  }

  /** Forgets on its way who has no more than a newcomer would have. */
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
    if (this.size === 0) return;
    this.#taken += 1;
    if (this.size > 0 && this.#taken < MOST_TAKEN) return;
    this.#items = this.#items.slice(this.#taken);
    this.#taken = 0;
  }
}
