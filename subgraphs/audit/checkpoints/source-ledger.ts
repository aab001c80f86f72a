import { addRange, gapsOf, type NumberRanges, readRange } from './number-ranges.ts';

/** Numbers of a boot's count that are missing, both ends included. */
export interface Hole {
  readonly instance: string;
  readonly bootId: string;
  readonly from: number;
  readonly to: number;
}

/** What the watch keeps of an event: who counted it, and what it promises or admits. */
export interface CountedEvent {
  readonly id: string;
  /** RFC 3339. */
  readonly time: string;
  readonly type: string;
  readonly source: {
    readonly peer: string;
    readonly instance: string;
    readonly boot_id: string;
    readonly n: number;
  };
  readonly detail?: {
    readonly audit_id?: unknown;
    readonly operation_kind?: unknown;
    readonly peer?: unknown;
    readonly boot_id?: unknown;
    readonly ranges?: unknown;
  };
}

interface Boot {
  readonly peer: string;
  readonly instance: string;
  readonly bootId: string;
  /** The first number that is asked for. */
  readonly start: number;
  readonly counted: NumberRanges;
}

/** A ledger as it is kept on disk. */
export interface LedgerSnapshot {
  /** Whether earlier events are not known: a boot is judged from its first known one on. */
  readonly beganLate?: boolean;
  readonly boots: readonly Boot[];
  readonly intents: readonly (readonly [string, number])[];
}

/** A peer that restarts ten thousand times is not followed back to the first time; other peers' boots stay. */
const MAX_BOOTS_OF_PEER = 10_000;
/** The one peer that may say what another has left open. */
const LOG = 'audit';
/** Whoever leaves more holes than that has holes for good. */
const MAX_RANGES = 1_000;
const MAX_HOLES = 1_000;
/** Refused mutations have an outcome without an intent too. */
const MAX_EARLY = 10_000;

/** Keeps account of what every source has counted, and of mutations whose outcome is awaited. */
export class SourceLedger {
  /** By peer, then by instance and boot. */
  readonly #boots = new Map<string, Map<string, Boot>>();
  /** The time of the intent, by peer and request. */
  readonly #intents: Map<string, number>;
  /** Outcomes of mutations that came before their intent: replicas append what they held in any order. */
  readonly #early = new Set<string>();
  readonly #beganLate: boolean;

  constructor(snapshot: LedgerSnapshot = { boots: [], intents: [] }) {
    for (const boot of snapshot.boots) this.#keep({ ...boot, counted: [...boot.counted] });
    this.#intents = new Map(snapshot.intents);
    this.#beganLate = snapshot.beganLate ?? false;
  }

  /** An account of a log whose first entries are gone. */
  static beginningLate(): SourceLedger {
    return new SourceLedger({ beganLate: true, boots: [], intents: [] });
  }

  add({ id, time, type, source, detail }: CountedEvent): void {
    const boot = this.#bootOf(source);
    count(boot, [source.n, source.n]);
    if (type === 'request.intent') this.#begin(`${source.peer} ${String(detail?.audit_id)}`, time);
    else if (type === 'request') this.#end(`${source.peer} ${id}`, detail?.operation_kind);
    else if (type === 'request.unknown' && source.peer === LOG)
      this.#end(`${String(detail?.peer)} ${String(detail?.audit_id)}`);
    else if (type === 'audit.gap') admit(boot, detail?.ranges);
  }

  holes(): readonly Hole[] {
    return this.#all().flatMap(holesOf).slice(0, MAX_HOLES);
  }

  /** Mutations that began before `time` and whose outcome is not in the log. */
  openIntentsBefore(time: number): number {
    return [...this.#intents.values()].filter((began) => began < time).length;
  }

  snapshot(): LedgerSnapshot {
    return {
      beganLate: this.#beganLate,
      boots: this.#all(),
      intents: [...this.#intents],
    };
  }

  #begin(key: string, time: string): void {
    if (!this.#early.delete(key)) this.#intents.set(key, Date.parse(time));
  }

  #end(key: string, operationKind?: unknown): void {
    if (this.#intents.delete(key) || operationKind !== 'mutation') return;
    this.#early.add(key);
    const [oldest] = this.#early;
    if (this.#early.size > MAX_EARLY && oldest !== undefined) this.#early.delete(oldest);
  }

  #bootOf({ peer, instance, boot_id: bootId, n }: CountedEvent['source']): Boot {
    const known = this.#boots.get(peer)?.get(keyOf(instance, bootId));
    if (known !== undefined) return known;
    const boot = { peer, instance, bootId, start: this.#beganLate ? n : 0, counted: [] };
    this.#keep(boot);
    return boot;
  }

  #keep(boot: Boot): void {
    const ofPeer = this.#boots.get(boot.peer) ?? new Map<string, Boot>();
    this.#boots.set(boot.peer, ofPeer.set(keyOf(boot.instance, boot.bootId), boot));
    const [oldest] = ofPeer.keys();
    if (ofPeer.size > MAX_BOOTS_OF_PEER && oldest !== undefined) ofPeer.delete(oldest);
  }

  #all(): readonly Boot[] {
    return [...this.#boots.values()].flatMap((ofPeer) => [...ofPeer.values()]);
  }
}

function keyOf(instance: string, bootId: string): string {
  return `${instance} ${bootId}`;
}

function count({ counted }: Boot, [from, to]: NumberRanges[number]): void {
  addRange(counted, from, to);
  if (counted.length > MAX_RANGES) counted.pop();
}

/** Numbers whose loss the source itself has reported. */
function admit(boot: Boot, ranges: unknown): void {
  if (!Array.isArray(ranges)) return;
  for (const range of ranges.map(readRange)) if (range !== undefined) count(boot, range);
}

function holesOf({ instance, bootId, start, counted }: Boot): Hole[] {
  return gapsOf(counted, start).map(([from, to]) => ({ instance, bootId, from, to }));
}
