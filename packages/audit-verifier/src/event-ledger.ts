import { addRange, gapsOf, type NumberRanges, readRange } from './number-ranges.ts';

/** Numbers of a boot's count that no event of the log has, both ends included. */
export interface MissingEvents {
  readonly peer: string;
  readonly instance: string;
  readonly bootId: string;
  readonly from: number;
  readonly to: number;
}

export interface LedgerFindings {
  readonly missing: readonly MissingEvents[];
  /** Ids of requests that were to change something and whose outcome the log does not tell. */
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
  /** The first number that is asked for. */
  readonly start: number;
  readonly counted: NumberRanges;
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
    readonly peer?: unknown;
    readonly count?: unknown;
    readonly answered?: unknown;
    readonly ranges?: unknown;
    readonly minimum_index?: unknown;
  };
}

/** Keeps account of what every source has counted and promised. */
export class EventLedger {
  readonly #boots = new Map<string, Boot>();
  /** Who promised an outcome, by the id of the request. */
  readonly #open = new Set<string>();
  /** Whether earlier entries are dropped: a boot is judged from its first kept event on. */
  readonly #beginsLate: boolean;
  /** Times after that are of a wrong clock, or of a source that wants the log to look young. */
  readonly #latestTime: number;
  #retention: LedgerFindings['retention'];
  #admitted = 0;
  #newest = 0;

  constructor(beginsLate: boolean, latestTime: number) {
    this.#beginsLate = beginsLate;
    this.#latestTime = latestTime;
  }

  add(event: LedgerEvent, seq: number): void {
    const { source, type, time } = event;
    const peer = String(source?.peer);
    const n = typeof source?.n === 'number' ? source.n : undefined;
    const boot = this.#boot(peer, String(source?.instance), String(source?.boot_id), n);
    if (n !== undefined) addRange(boot.counted, n, n);
    const at = typeof time === 'string' ? Date.parse(time) : NaN;
    if (at <= this.#latestTime) this.#newest = Math.max(this.#newest, at);
    if (type === 'request.intent') this.#open.add(`${peer} ${String(event.detail?.audit_id)}`);
    else if (type === 'request') this.#open.delete(`${peer} ${String(event.id)}`);
    else if (type === 'request.unknown')
      this.#open.delete(`${String(event.detail?.peer)} ${String(event.detail?.audit_id)}`);
    else if (type === 'audit.gap') this.#admit(boot, event);
    else if (type === 'audit.retention' && peer === 'audit')
      this.#retention = { seq, minimumIndex: event.detail?.minimum_index };
  }

  findings(): LedgerFindings {
    return {
      missing: [...this.#boots.values()].flatMap(missingOf),
      openIntents: [...this.#open].map((key) => key.slice(key.indexOf(' ') + 1)),
      admittedLosses: this.#admitted,
      retention: this.#retention,
      newest: this.#newest,
    };
  }

  #boot(peer: string, instance: string, bootId: string, n = 0): Boot {
    const key = JSON.stringify([peer, instance, bootId]);
    const known = this.#boots.get(key);
    if (known !== undefined) return known;
    const boot = { peer, instance, bootId, start: this.#beginsLate ? n : 0, counted: [] };
    this.#boots.set(key, boot);
    return boot;
  }

  #admit(boot: Boot, { detail }: LedgerEvent): void {
    if (detail?.answered === true) this.#admitted += Number(detail.count) || 0;
    if (!Array.isArray(detail?.ranges)) return;
    for (const range of detail.ranges.map(readRange))
      if (range !== undefined) addRange(boot.counted, ...range);
  }
}

function missingOf({ peer, instance, bootId, start, counted }: Boot): MissingEvents[] {
  return gapsOf(counted, start).map(([from, to]) => ({ peer, instance, bootId, from, to }));
}
