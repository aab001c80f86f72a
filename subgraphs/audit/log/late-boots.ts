/** A boot is a process's life: no peer leaves that many in what is held of it. */
const MAX_OF_PEER = 1_000;

/**
 * Boots of which something came late. Of each peer the newest are kept: an intent of an older one stays open in the log,
 * where it is a finding.
 */
export class LateBoots {
  readonly #boots = new Map<string, Set<string>>();

  get isEmpty(): boolean {
    return this.#boots.size === 0;
  }

  /** @returns whether there is no more room for the peer's */
  add(peer: string, bootIds: Iterable<string>): boolean {
    const ofPeer = this.#boots.get(peer) ?? new Set<string>();
    for (const bootId of bootIds) {
      ofPeer.add(bootId);
      const [oldest] = ofPeer;
      if (ofPeer.size > MAX_OF_PEER && oldest !== undefined) ofPeer.delete(oldest);
    }
    if (ofPeer.size > 0) this.#boots.set(peer, ofPeer);
    return ofPeer.size >= MAX_OF_PEER;
  }

  /** Takes them all out, by peer. */
  take(): ReadonlyMap<string, ReadonlySet<string>> {
    const taken = new Map(this.#boots);
    this.#boots.clear();
    return taken;
  }

  /** Puts back what was taken in vain, before what has come since. */
  putBack(taken: ReadonlyMap<string, ReadonlySet<string>>): void {
    const since = this.take();
    for (const [peer, bootIds] of [...taken, ...since]) this.add(peer, bootIds);
  }
}
