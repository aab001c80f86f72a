import { addRange, gapsOf, type NumberRanges, readRange } from './number-ranges.ts';
import { OpenIntents } from './open-intents.ts';
import { SourceLife } from './source-life.ts';

/** Numbers of a boot's count that no event of the log has, both ends included. */
export interface MissingEvents {
  readonly peer: string;
  readonly instance: string;
  readonly bootId: string;
  readonly from: number;
  readonly to: number;
}

/** A boot that neither stopped nor was continued: whatever it recorded from that number on is not in the log. */
export interface OpenSource {
  readonly peer: string;
  readonly instance: string;
  readonly bootId: string;
  readonly from: number;
  /** `succeeded`: the next boot of the instance did not find its spool. `silent`: it has not been heard of for long. */
  readonly why: 'succeeded' | 'silent';
}

export interface LedgerFindings {
  readonly missing: readonly MissingEvents[];
  readonly open: readonly OpenSource[];
  /** Ids of requests that were to change something and whose outcome is not in the log. */
  readonly openIntents: readonly string[];
  /** Events whose loss the log itself admits although their requests were answered. */
  readonly admittedLosses: number;
  /** Where the log last announces which entries it drops, and the minimum index that it names. */
  readonly retention: { readonly seq: number; readonly minimumIndex: unknown } | undefined;
  /** Milliseconds since the epoch. */
  readonly newest: number;
}

interface Boot {
  readonly peer: string;
  readonly instance: string;
  readonly bootId: string;
  /** The time of its first event. */
  readonly beganAt: number;
  /** The first number that is asked for. */
  readonly start: number;
  readonly counted: NumberRanges;
  readonly life: SourceLife;
}

interface LedgerEvent {
  readonly id?: unknown;
  readonly time?: unknown;
  readonly type?: unknown;
  readonly source?: {
    readonly peer?: unknown;
    readonly instance?: unknown;
    readonly boot_id?: unknown;
    readonly n?: unknown;
  };
  readonly detail?: {
    readonly audit_id?: unknown;
    readonly operation_kind?: unknown;
    readonly peer?: unknown;
    readonly count?: unknown;
    readonly answered?: unknown;
    readonly ranges?: unknown;
    readonly minimum_index?: unknown;
    readonly spool?: unknown;
    readonly alive_seconds?: unknown;
    readonly previous?: unknown;
  };
}

/** Of one event: a sum of them stays exact. */
const MOST_LOSSES = 1_000_000_000;

/** The one peer that may say what another has left open, and what is dropped. */
const LOG = 'audit';

/** Keeps account of what every source has counted and promised. */
export class EventLedger {
  readonly #boots = new Map<string, Boot>();
  /** Where a boot of an instance last said which ones before it have left it their spool. */
  readonly #succeeded = new Map<string, number>();
  /** Who promised an outcome, by the id of the request. */
  readonly #intents = new OpenIntents();
  /** Whether earlier entries are dropped: a boot is judged from its first kept event on. */
  readonly #beginsLate: boolean;
  /** Times after that are of a wrong clock, or of a source that wants the log to look young. */
  readonly #latestTime: number;
  /** When the log last said that copies of a peer's events are damaged, in milliseconds since the epoch. */
  readonly #unheldAt = new Map<string, number>();
  #retention: LedgerFindings['retention'];
  #admitted = 0;
  #newest = 0;

  constructor(beginsLate: boolean, latestTime: number) {
    this.#beginsLate = beginsLate;
    this.#latestTime = latestTime;
  }

  add(event: LedgerEvent, seq: number): void {
    const { source, type, time } = event;
    const peer = textOf(source?.peer);
    const n = typeof source?.n === 'number' ? source.n : undefined;
    const at = typeof time === 'string' ? Date.parse(time) : NaN;
    const boot = this.#boot(peer, textOf(source?.instance), textOf(source?.boot_id), at, n);
    if (n !== undefined) addRange(boot.counted, n, n);
    if (at <= this.#latestTime) this.#newest = Math.max(this.#newest, at);
    this.#live(boot, event, seq);
    if (type === 'request.intent') this.#intents.begin(`${peer} ${textOf(event.detail?.audit_id)}`);
    else if (type === 'request')
      this.#intents.end(`${peer} ${textOf(event.id)}`, event.detail?.operation_kind);
    else if (type === 'audit.unheld' && peer === LOG) this.#unheldAt.set(textOf(event.detail?.peer), at);
    else if (type === 'request.unknown' && peer === LOG)
      this.#intents.end(`${textOf(event.detail?.peer)} ${textOf(event.detail?.audit_id)}`);
    else if (type === 'audit.gap') this.#admit(boot, event);
    else if (type === 'audit.retention' && peer === LOG)
      this.#retention = { seq, minimumIndex: event.detail?.minimum_index };
  }

  findings(): LedgerFindings {
    return {
      missing: [...this.#boots.values()].flatMap(missingOf),
      open: [...this.#boots.values()].flatMap((boot) => this.#openOf(boot)),
      openIntents: this.#intents.open().map((key) => key.slice(key.indexOf(' ') + 1)),
      admittedLosses: this.#admitted,
      retention: this.#retention,
      newest: this.#newest,
    };
  }

  #boot(peer: string, instance: string, bootId: string, beganAt: number, n = 0): Boot {
    const key = keyOf(peer, instance, bootId);
    const known = this.#boots.get(key);
    if (known !== undefined) return known;
    const boot = {
      peer,
      instance,
      bootId,
      beganAt,
      start: this.#beginsLate ? n : 0,
      counted: [],
      life: new SourceLife(),
    };
    this.#boots.set(key, boot);
    return boot;
  }

  /** An instance has one boot at a time: its start says which ones before it have left it their spool. */
  #live({ peer, instance, life }: Boot, { type, detail }: LedgerEvent, seq: number): void {
    life.hear(type, detail, seq, this.#newest);
    if (type !== 'source.start' || !Array.isArray(detail?.previous)) return;
    this.#succeeded.set(keyOf(peer, instance), seq);
    for (const bootId of detail.previous) {
      const other = this.#boots.get(keyOf(peer, instance, textOf(bootId)))?.life;
      if (other !== life) other?.continued();
    }
  }

  #openOf({ peer, instance, bootId, beganAt, counted, life }: Boot): OpenSource[] {
    const isCopyDamaged = !(beganAt > (this.#unheldAt.get(peer) ?? -Infinity));
    const why = life.openAt(this.#newest, this.#succeeded.get(keyOf(peer, instance)) ?? -1, isCopyDamaged);
    const from = (counted.at(-1)?.[1] ?? -1) + 1;
    return why === undefined ? [] : [{ peer, instance, bootId, from, why }];
  }

  /** What is lost was numbered before: a number that is still to come is not. */
  #admit(boot: Boot, { detail, source }: LedgerEvent): void {
    if (detail?.answered === true) this.#admitted += lossesOf(detail.count);
    if (!Array.isArray(detail?.ranges) || typeof source?.n !== 'number') return;
    for (const range of detail.ranges.map(readRange))
      if (range !== undefined && range[0] < source.n)
        addRange(boot.counted, range[0], Math.min(range[1], source.n - 1));
  }
}

function keyOf(...names: readonly string[]): string {
  return JSON.stringify(names);
}

function missingOf({ peer, instance, bootId, start, counted }: Boot): MissingEvents[] {
  return gapsOf(counted, start).map(([from, to]) => ({ peer, instance, bootId, from, to }));
}

/** How many events a source admits to have lost: one at least, whatever it says, so that nobody can admit less than nothing. */
function lossesOf(count: unknown): number {
  return typeof count === 'number' && count >= 1 ? Math.min(Math.floor(count), MOST_LOSSES) : 1;
}

/** Of any JSON: `String` throws where an object has a member `toString`. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}
