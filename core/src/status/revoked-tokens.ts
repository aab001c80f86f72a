import { hmacSha256 } from '../platform/digest.ts';
import { random } from '../platform/ids.ts';

/**
 * A set of token ids in 16 bytes each: 64 bits of a keyed hash and the time of its end, in open addressing.
 * Ten million of them take 512 MiB at the most; a false hit has a chance of one in 10^12 then.
 */
export interface RevokedTokens {
  /** @param until seconds since the epoch; the id may be forgotten afterwards */
  add(jti: string, until: number): void;
  has(jti: string): boolean;
  /** Forgets what ended before `now`, in seconds since the epoch. */
  prune(now: number): void;
  readonly size: number;
}

const WORDS_PER_SLOT = 3;
const LEAST_SLOTS = 256;

export function createRevokedTokens(): RevokedTokens {
  const key = random(16);
  let slots = LEAST_SLOTS;
  let table = new Uint32Array(slots * WORDS_PER_SLOT);
  let size = 0;

  /** Two non-zero words that stand for the id. */
  const fingerprint = (jti: string): readonly [number, number] => {
    const digest = hmacSha256(key, jti);
    return [digest.readUInt32LE(0) || 1, digest.readUInt32LE(4)];
  };
  const find = (high: number, low: number): number => {
    for (let slot = high % slots; ; slot = (slot + 1) % slots) {
      const at = slot * WORDS_PER_SLOT;
      if (table[at] === 0 || (table[at] === high && table[at + 1] === low)) return at;
    }
  };
  const put = (high: number, low: number, until: number): void => {
    const at = find(high, low);
    if (table[at] === 0) size += 1;
    table.set([high, low, Math.max(until, table[at + 2] ?? 0)], at);
  };
  const rebuild = (newSlots: number, keep: (until: number) => boolean): void => {
    const old = table;
    slots = newSlots;
    table = new Uint32Array(slots * WORDS_PER_SLOT);
    size = 0;
    for (let at = 0; at < old.length; at += WORDS_PER_SLOT) {
      const [high = 0, low = 0, until = 0] = old.subarray(at, at + WORDS_PER_SLOT);
      if (high !== 0 && keep(until)) put(high, low, until);
    }
  };

  return {
    add(jti, until) {
      if (size * 2 >= slots) rebuild(slots * 2, () => true);
      put(...fingerprint(jti), Math.min(until, 0xffff_ffff));
    },
    has: (jti) => size > 0 && table[find(...fingerprint(jti))] !== 0,
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
