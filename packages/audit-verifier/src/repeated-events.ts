import { randomBytes } from 'node:crypto';
import { textOf } from './event-ledger.ts';

/** Several events under what one event alone may have: which of them is the source's own, the log cannot tell. */
export interface RepeatedEvents {
  readonly what: 'number' | 'id';
  /** Numbers: of a boot, by peer, instance and boot id. Ids: of a peer. */
  readonly of: readonly string[];
  /** How many numbers or ids, at least. */
  readonly count: number;
  /** The first of them, and two of its entries. */
  readonly first: string;
  readonly entries: readonly [number, number];
}

/** What was found in a log. */
export interface Repeats {
  readonly repeated: readonly RepeatedEvents[];
  /** Whether there were more names to compare than were compared: what is not found may be there. */
  readonly isCut: boolean;
}

interface NamedEvent {
  readonly id?: unknown;
  readonly source?: {
    readonly peer?: unknown;
    readonly instance?: unknown;
    readonly boot_id?: unknown;
    readonly n?: unknown;
  };
}

interface Name extends Pick<RepeatedEvents, 'what' | 'of'> {
  readonly name: string;
}

/** So many names are compared, and where there are more the verdict says so. */
const MOST_SUSPECTS = 100_000;
/** Other ones in each run: names that were made to have one hash have different ones then, as good as always. */
const SEEDS = [randomBytes(4).readUInt32LE(), randomBytes(4).readUInt32LE()] as const;

/** Finds names that occur twice in one pass over a log, 16 bytes for each entry: the same hash may be of two names. */
export class RepeatedNames {
  #hashes = new Float64Array(1024);
  #count = 0;

  add(event: NamedEvent): void {
    for (const name of namesOf(event)) {
      if (this.#count === this.#hashes.length) this.#grow();
      this.#hashes[this.#count] = hashOf(name);
      this.#count += 1;
    }
  }

  /** Hashes of names that may occur twice, and of all that do, up to a bound. */
  suspects(): ReadonlySet<number> {
    const sorted = this.#hashes.subarray(0, this.#count).sort();
    const found = new Set<number>();
    for (let at = 1; at < sorted.length && found.size < MOST_SUSPECTS; at += 1) {
      const hash = sorted[at] as number;
      if (hash === sorted[at - 1]) found.add(hash);
    }
    return found;
  }

  #grow(): void {
    const larger = new Float64Array(this.#hashes.length * 2);
    larger.set(this.#hashes);
    this.#hashes = larger;
  }
}

/** Tells, in a second pass, which suspects name different events: the same one twice is a copy, in which nothing is hidden. */
export class RepeatFinder {
  readonly #suspects: ReadonlySet<number>;
  readonly #firsts = new Map<string, { readonly seq: number; readonly leaf: Buffer; isFound: boolean }>();
  readonly #found = new Map<string, RepeatedEvents>();
  #isCut: boolean;

  constructor(suspects: ReadonlySet<number>) {
    this.#suspects = suspects;
    this.#isCut = suspects.size >= MOST_SUSPECTS;
  }

  add(event: NamedEvent, seq: number, leaf: Buffer): void {
    for (const name of namesOf(event)) {
      if (!this.#suspects.has(hashOf(name))) continue;
      const key = keyOf(name);
      const first = this.#firsts.get(key);
      if (first === undefined) {
        if (this.#firsts.size < 2 * MOST_SUSPECTS) this.#firsts.set(key, { seq, leaf, isFound: false });
        else this.#isCut = true;
      } else if (!first.isFound && !first.leaf.equals(leaf)) {
        first.isFound = true;
        this.#find(name, [first.seq, seq]);
      }
    }
  }

  /** One for each boot or peer that has any. */
  findings(): Repeats {
    return { repeated: [...this.#found.values()], isCut: this.#isCut };
  }

  #find({ what, of, name }: Name, entries: readonly [number, number]): void {
    const key = JSON.stringify([what, ...of]);
    const known = this.#found.get(key) ?? { what, of, count: 0, first: name, entries };
    this.#found.set(key, { ...known, count: known.count + 1 });
  }
}

/** A boot counts each event once, and a peer has each under an id of its own: the log refuses the second one of an id. */
function namesOf({ id, source }: NamedEvent): readonly Name[] {
  const { peer, instance, boot_id: bootId, n } = source ?? {};
  const names: Name[] = [];
  if (typeof n === 'number')
    names.push({ what: 'number', of: [textOf(peer), textOf(instance), textOf(bootId)], name: String(n) });
  if (typeof id === 'string') names.push({ what: 'id', of: [textOf(peer)], name: id });
  return names;
}

function keyOf({ what, of, name }: Name): string {
  return JSON.stringify([what, ...of, name]);
}

/**
 * 53 bits that are equal for equal names, which is all that counts: who finds two names of one hash (FNV-1a in two lanes)
 * makes us compare them. SHA-256 would take as long as all else that is done with an entry.
 */
function hashOf(name: Name): number {
  const key = keyOf(name);
  let [high, low]: [number, number] = [...SEEDS];
  for (let at = 0; at < key.length; at += 1) {
    const unit = key.charCodeAt(at);
    high = Math.imul(high ^ unit, 0x01000193);
    low = Math.imul(low ^ unit, 0x85ebca6b);
  }
  return ((high ^ (low >>> 11)) & 0x1fffff) * 0x1_0000_0000 + (low >>> 0);
}
