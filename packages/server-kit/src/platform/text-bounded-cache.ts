/** Something made of a text, weighed by that text's characters. */
export interface TextEntry {
  readonly key: string;
  characters: number;
  /** To be set at each use that does not go through the cache: what was used since the last look stays. */
  used: boolean;
  /** By the cache: whoever else holds on to it may do so only as long. */
  kept: boolean;
}

/** A cache that is bounded by the text that its entries stand for: what is made of a text takes memory in proportion. */
export interface TextBoundedCache<Entry extends TextEntry> {
  get(key: string): Entry | undefined;
  /** What alone is longer than all may be is not kept, and pushes nothing out. */
  add(entry: Entry): void;
  all(): Iterable<Entry>;
  /** An entry now depends on more, or less, text. */
  grow(entry: Entry, characters: number): void;
  readonly size: number;
}

export function createTextBoundedCache<Entry extends TextEntry>(limits: {
  readonly entries: number;
  readonly characters: number;
}): TextBoundedCache<Entry> {
  const all = new Map<string, Entry>();
  let total = 0;

  function drop(entry: Entry): void {
    all.delete(entry.key);
    total -= entry.characters;
    entry.kept = false;
  }

  /** Ends: whoever is given a second chance is not used any more when its turn comes again. */
  function makeRoom(latest: Entry): void {
    if (latest.characters > limits.characters) drop(latest);
    for (const entry of all.values()) {
      if (all.size <= limits.entries && total <= limits.characters) return;
      if (entry.used) {
        entry.used = false;
        all.delete(entry.key);
        all.set(entry.key, entry);
      } else drop(entry);
    }
  }

  return {
    get size() {
      return all.size;
    },
    get(key) {
      const entry = all.get(key);
      if (entry !== undefined) entry.used = true;
      return entry;
    },
    add(entry) {
      const old = all.get(entry.key);
      if (old !== undefined) drop(old);
      all.set(entry.key, entry);
      entry.kept = true;
      total += entry.characters;
      makeRoom(entry);
    },
    all: () => all.values(),
    grow(entry, characters) {
      if (!entry.kept) return;
      entry.characters += characters;
      total += characters;
      makeRoom(entry);
    },
  };
}

/** What an entry starts as. */
export function createTextEntry(key: string, characters: number): TextEntry {
  return { key, characters, used: false, kept: false };
}
