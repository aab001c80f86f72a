import { sha256Base64url } from '@aduana/core/platform/digest';
import { addRange, gapsOf, type NumberRanges, readRange } from './number-ranges.ts';

/** Numbers of a boot's count that are missing, both ends included. */
export interface Hole {
  readonly instance: string;
  readonly bootId: string;
  readonly from: number;
  readonly to: number;
}

export interface Boot {
  readonly peer: string;
  readonly instance: string;
  readonly bootId: string;
  /** The first number that is asked for. */
  readonly start: number;
  readonly counted: NumberRanges;
}

/** What an account could not keep: losses may be among it. */
export interface OverBound {
  readonly peer: string;
  readonly ranges: number;
  readonly intents: number;
}

/** How much of a peer is forgotten. */
export interface Forgotten extends OverBound {
  /** With those that lacked nothing. */
  readonly boots: number;
}

/** A peer that restarts ten thousand times is not followed back to the first time. */
const MAX_BOOTS = 10_000;
/** Of one boot: whoever leaves more holes than that has holes for good. */
const MAX_RANGES_OF_BOOT = 1_000;
const MAX_RANGES = 20_000;
const MAX_INTENTS = 20_000;
/** Refused mutations have an outcome without an intent too. */
const MAX_EARLY = 10_000;
/** A UUID is shorter, a digest as long. */
const MAX_ID_CHARACTERS = 43;

/** What one peer has counted and promised, within bounds of its own: what is dropped of it stays a finding. */
export class PeerAccount {
  readonly #peer: string;
  /** By instance and boot, the oldest first. */
  readonly #boots = new Map<string, Boot>();
  /** The time of the intent, by request. */
  readonly #intents = new Map<string, number>();
  /** Outcomes of mutations that came before their intent: replicas append what they held in any order. */
  readonly #early = new Set<string>();
  readonly #forgotten = { boots: 0, ranges: 0, intents: 0 };
  #ranges = 0;

  constructor(peer: string) {
    this.#peer = peer;
  }

  /** @param start the first number that is asked for, of a boot that is not known */
  bootOf(instance: string, bootId: string, start: number): Boot {
    const known = this.#boots.get(keyOf(instance, bootId));
    if (known !== undefined) return known;
    // it may be one that is forgotten: all of it is asked for, so that no loss of it is passed over
    const from = this.#forgotten.boots === 0 ? start : 0;
    return this.#keep({ peer: this.#peer, instance, bootId, start: from, counted: [] });
  }

  count(boot: Boot, [from, to]: NumberRanges[number]): void {
    const { counted } = boot;
    const before = counted.length;
    addRange(counted, from, to);
    if (counted.length > MAX_RANGES_OF_BOOT) {
      counted.pop();
      this.#forgotten.ranges += 1;
    }
    this.#ranges += counted.length - before;
    if (this.#ranges > MAX_RANGES) this.#forgetOldestBut(boot);
  }

  begin(auditId: unknown, time: number): void {
    const id = idOf(auditId);
    if (this.#early.delete(id)) return;
    this.#intents.set(id, time);
    if (this.#intents.size <= MAX_INTENTS) return;
    forgetOldest(this.#intents);
    this.#forgotten.intents += 1;
  }

  end(auditId: unknown, operationKind?: unknown): void {
    const id = idOf(auditId);
    if (this.#intents.delete(id) || operationKind !== 'mutation') return;
    this.#early.add(id);
    if (this.#early.size > MAX_EARLY) forgetOldest(this.#early);
  }

  *holes(): Generator<Hole> {
    for (const { instance, bootId, start, counted } of this.#boots.values())
      for (const [from, to] of gapsOf(counted, start)) yield { instance, bootId, from, to };
  }

  openIntentsBefore(time: number): number {
    let count = 0;
    for (const began of this.#intents.values()) if (began < time) count += 1;
    return count;
  }

  boots(): Iterable<Boot> {
    return this.#boots.values();
  }

  intents(): Iterable<readonly [id: string, time: number]> {
    return this.#intents;
  }

  forgotten(): Forgotten {
    return { peer: this.#peer, ...this.#forgotten };
  }

  restoreForgotten({ boots, ranges, intents }: Forgotten): void {
    this.#forgotten.boots += boots;
    this.#forgotten.ranges += ranges;
    this.#forgotten.intents += intents;
  }

  restoreBoot({ instance, bootId, start, counted }: Boot): void {
    const boot = this.#keep({ peer: this.#peer, instance, bootId, start, counted: [] });
    for (const range of counted.map(readRange)) if (range !== undefined) this.count(boot, range);
  }

  /** Earlier releases dropped without counting: whatever they left full may lack something. */
  doubtFull(): void {
    const isFull = [...this.#boots.values()].some(({ counted }) => counted.length >= MAX_RANGES_OF_BOOT);
    if (isFull || this.#boots.size >= MAX_BOOTS) this.#forgotten.ranges += 1;
  }

  #keep(boot: Boot): Boot {
    this.#boots.set(keyOf(boot.instance, boot.bootId), boot);
    if (this.#boots.size > MAX_BOOTS) this.#forgetOldestBut(boot);
    return boot;
  }

  #forgetOldestBut(boot: Boot): void {
    for (const [key, oldest] of this.#boots) {
      if (oldest === boot) continue;
      this.#boots.delete(key);
      this.#ranges -= oldest.counted.length;
      this.#forgotten.boots += 1;
      if (!isWhole(oldest)) this.#forgotten.ranges += oldest.counted.length;
      return;
    }
  }
}

function isWhole({ start, counted: [first, second] }: Boot): boolean {
  return second === undefined && (first === undefined || first[0] <= start);
}

function keyOf(instance: string, bootId: string): string {
  return `${instance} ${bootId}`;
}

/** Of bounded length, and the same for what is read back from disk. */
function idOf(auditId: unknown): string {
  const text = typeof auditId === 'string' ? auditId : JSON.stringify(auditId ?? null);
  return text.length <= MAX_ID_CHARACTERS ? text : sha256Base64url(text);
}

function forgetOldest(kept: Map<string, unknown> | Set<string>): void {
  const [oldest] = kept.keys();
  if (oldest !== undefined) kept.delete(oldest);
}
