/** Something kept, weighed by the characters of the text that it was made from. */
export interface Kept {
  readonly key: string;
  characters: number;
  /** Set whenever it is used, which costs nothing: what was used since the last look is not forgotten. */
  used: boolean;
  readonly onForget?: () => void;
}

/** A cache that is bounded by the text that its entries stand for: what is made of a text takes memory in proportion. */
export interface TextBounded<Entry extends Kept> {
  get(key: string): Entry | undefined;
  add(entry: Entry): void;
  /** More, or less, text has come to stand behind an entry. */
  grow(entry: Entry, characters: number): void;
}

export function createTextBounded<Entry extends Kept>(limits: {
  readonly entries: number;
  readonly characters: number;
}): TextBounded<Entry> {
  const all = new Map<string, Entry>();
  let total = 0;

  function drop(entry: Entry): void {
    all.delete(entry.key);
    total -= entry.characters;
    entry.onForget?.();
  }

  function makeRoom(): void {
    for (const entry of all.values()) {
      if (all.size <= limits.entries && total <= limits.characters) return;
      if (entry.used) {
        // A second chance, at the end of the row.
        entry.used = false;
        all.delete(entry.key);
        all.set(entry.key, entry);
      } else drop(entry);
    }
  }

  return {
    get: (key) => all.get(key),
    add(entry) {
      const old = all.get(entry.key);
      if (old !== undefined) drop(old);
      all.set(entry.key, entry);
      total += entry.characters;
      makeRoom();
    },
    grow(entry, characters) {
      if (all.get(entry.key) !== entry) return;
      entry.characters += characters;
      total += characters;
      makeRoom();
    },
  };
}
