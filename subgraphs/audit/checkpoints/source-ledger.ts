import { readRange } from './number-ranges.ts';
import { type Boot, type Forgotten, type Hole, type OverBound, PeerAccount } from './peer-account.ts';

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

/** A ledger as it is kept on disk. */
export interface LedgerSnapshot {
  /** Whether earlier events are not known: a boot is judged from its first known one on. */
  readonly beganLate?: boolean;
  /** Undefined in what an earlier release has kept. */
  readonly forgotten?: readonly Forgotten[] | undefined;
  readonly boots: readonly Boot[];
  /** The time, by peer and request. */
  readonly intents: readonly (readonly [string, number])[];
}

/** The one peer that may say what another has left open. */
const LOG = 'audit';
const MAX_HOLES = 1_000;

/** Keeps account of what every source has counted, and of mutations whose outcome is awaited. */
export class SourceLedger {
  readonly #accounts = new Map<string, PeerAccount>();
  #beganLate = false;

  /** What a snapshot holds is kept within the bounds too. */
  constructor(snapshot?: LedgerSnapshot) {
    if (snapshot === undefined) return;
    for (const boot of snapshot.boots) this.restoreBoot(boot);
    for (const intent of snapshot.intents) this.restoreIntent(intent);
    this.endRestoring(snapshot);
  }

  /** An account of a log whose first entries are gone. */
  static beginningLate(): SourceLedger {
    return new SourceLedger({ beganLate: true, forgotten: [], boots: [], intents: [] });
  }

  add({ id, time, type, source, detail }: CountedEvent): void {
    const { peer, instance, boot_id: bootId, n } = source;
    const account = this.#accountOf(peer);
    const boot = account.bootOf(instance, bootId, this.#beganLate ? n : 0);
    account.count(boot, [n, n]);
    if (type === 'request.intent') account.begin(detail?.audit_id, Date.parse(time));
    else if (type === 'request') account.end(id, detail?.operation_kind);
    else if (type === 'request.unknown' && peer === LOG) this.#endOf(detail?.peer, detail?.audit_id);
    else if (type === 'audit.gap') admit(account, boot, detail?.ranges, n);
  }

  /** The first ones. */
  holes(): readonly Hole[] {
    const found: Hole[] = [];
    for (const account of this.#accounts.values())
      for (const hole of account.holes()) if (found.push(hole) === MAX_HOLES) return found;
    return found;
  }

  /** Peers of which something was dropped before it could be judged: they may have losses that are not found. */
  overBound(): readonly OverBound[] {
    return this.#forgotten()
      .filter(({ ranges, intents }) => ranges + intents > 0)
      .map(({ peer, ranges, intents }) => ({ peer, ranges, intents }));
  }

  /** Mutations that began before `time` and whose outcome is not in the log. */
  openIntentsBefore(time: number): number {
    let count = 0;
    for (const account of this.#accounts.values()) count += account.openIntentsBefore(time);
    return count;
  }

  snapshot(): LedgerSnapshot {
    return {
      beganLate: this.#beganLate,
      forgotten: this.#forgotten().filter(({ boots, ranges, intents }) => boots + ranges + intents > 0),
      boots: [...this.#accounts.values()].flatMap((account) => [...account.boots()]),
      intents: [...this.#accounts].flatMap(([peer, account]) =>
        Array.from(account.intents(), ([id, time]) => [`${peer} ${id}`, time] as const),
      ),
    };
  }

  restoreBoot(boot: Boot): void {
    this.#accountOf(boot.peer).restoreBoot(boot);
  }

  restoreIntent([key, time]: LedgerSnapshot['intents'][number]): void {
    const space = key.indexOf(' ');
    this.#accountOf(key.slice(0, space)).begin(key.slice(space + 1), time);
  }

  /** After all boots and intents: earlier releases dropped some without counting them. */
  endRestoring({ beganLate = false, forgotten }: Pick<LedgerSnapshot, 'beganLate' | 'forgotten'>): void {
    this.#beganLate = beganLate;
    for (const of of forgotten ?? []) this.#accountOf(of.peer).restoreForgotten(of);
    if (forgotten === undefined) for (const account of this.#accounts.values()) account.doubtFull();
  }

  #endOf(peer: unknown, auditId: unknown): void {
    if (typeof peer === 'string') this.#accounts.get(peer)?.end(auditId);
  }

  #forgotten(): readonly Forgotten[] {
    return [...this.#accounts.values()].map((account) => account.forgotten());
  }

  #accountOf(peer: string): PeerAccount {
    const known = this.#accounts.get(peer);
    if (known !== undefined) return known;
    const account = new PeerAccount(peer);
    this.#accounts.set(peer, account);
    return account;
  }
}

/** Numbers whose loss the source itself has reported, under number `n`: one that is still to come is not lost. */
function admit(account: PeerAccount, boot: Boot, ranges: unknown, n: number): void {
  if (!Array.isArray(ranges)) return;
  for (const range of ranges.map(readRange))
    if (range !== undefined && range[0] < n) account.count(boot, [range[0], Math.min(range[1], n - 1)]);
}
