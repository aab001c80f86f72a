import { random } from './ids.ts';

/**
 * A set of ids in 12 bytes a slot, half of the slots free: 64 bits of a seeded hash and the time of its end.
 * Ten million ids take 384 MiB; the chance that another id meets one of them is then below one in 10^12.
 */
export interface ExpiringIds {
  /** @param until seconds since the epoch; the id may be forgotten afterwards */
  add(id: string, until: number): void;
  has(id: string): boolean;
  /** Forgets what ended before `now`, in seconds since the epoch. */
  prune(now: number): void;
  readonly size: number;
}

const WORDS_PER_SLOT = 3;
const LEAST_SLOTS = 256;

/** An empty set. */
export function createExpiringIds(): ExpiringIds {
  const seeds = { high: random(4).readInt32LE(), low: random(4).readInt32LE() };
  let slots = LEAST_SLOTS;
  let table = new Uint32Array(slots * WORDS_PER_SLOT);
  let size = 0;

  const find = (high: number, low: number): number => {
    for (let slot = high % slots; ; slot = (slot + 1) % slots) {
      const at = slot * WORDS_PER_SLOT;
      if (table[at] === 0 || (table[at] === high && table[at + 1] === low)) return at;
    }
  };
  const put = (high: number, low: number, until: number): void => {
    const at = find(high, low);
    if (table[at] === 0) size += 1;
    table[at] = high;
    table[at + 1] = low;
    table[at + 2] = Math.max(until, table[at + 2] ?? 0);
  };
  const rebuild = (newSlots: number, keep: (until: number) => boolean): void => {
    const old = table;
    slots = newSlots;
    table = new Uint32Array(slots * WORDS_PER_SLOT);
    size = 0;
    for (let at = 0; at < old.length; at += WORDS_PER_SLOT) {
      const high = old[at] ?? 0;
      const until = old[at + 2] ?? 0;
      if (high !== 0 && keep(until)) put(high, old[at + 1] ?? 0, until);
    }
  };

  return {
    add(id, until) {
      if (size * 2 >= slots) rebuild(slots * 2, () => true);
      put(...fingerprint(id, seeds), Math.min(until, 0xffff_ffff));
    },
    has: (id) => size > 0 && table[find(...fingerprint(id, seeds))] !== 0,
    prune(now) {
      let live = 0;
      for (let at = 0; at < table.length; at += WORDS_PER_SLOT)
        if (table[at] !== 0 && (table[at + 2] ?? 0) >= now) live += 1;
      if (live === size) return;
      let enough = LEAST_SLOTS;
      while (live * 2 >= enough) enough *= 2;
      rebuild(enough, (until) => until >= now);
    },
    get size() {
      return size;
    },
  };
}

interface Seeds {
  readonly high: number;
  readonly low: number;
}

/** Two words that stand for the id, the first not zero (a seeded multiplicative hash: ids are random). */
function fingerprint(id: string, seeds: Seeds): readonly [number, number] {
  let { high, low } = seeds;
  for (let at = 0; at < id.length; at += 1) {
    const unit = id.charCodeAt(at);
    high = Math.imul(high ^ unit, 0x9e37_79b1);
    low = Math.imul(low ^ unit, 0x85eb_ca77);
  }
  high = Math.imul(high ^ (high >>> 16), 0xc2b2_ae3d) ^ Math.imul(low ^ (low >>> 13), 0x27d4_eb2f);
  low = Math.imul(low ^ (low >>> 16), 0xc2b2_ae3d) ^ Math.imul(high ^ (high >>> 13), 0x27d4_eb2f);
  return [high >>> 0 || 1, low >>> 0];
}
