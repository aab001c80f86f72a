import type { EntryColumns } from './entry-columns.ts';

/** An entry that waits for its transaction. */
export interface WaitingEntry {
  readonly entry: { readonly canonical: string; readonly columns: Pick<EntryColumns, 'id' | 'peer'> };
}

const MAX_GROUP_ENTRIES = 1000;
const MAX_GROUP_CHARACTERS = 1_048_576;
/** What an entry costs the database beside its text, as so many characters. */
const CHARACTERS_OF_ROW = 512;

/** Entries that wait for the log: its peers take turns, so that none waits for what another has posted. */
export class AppendTurns<Waiting extends WaitingEntry> {
  /** Of each peer of which something waits, the oldest first. */
  #queues = new Map<string, Waiting[]>();

  /** Behind those that its peer has waiting. */
  add(waiting: Waiting): void {
    const { peer } = waiting.entry.columns;
    const queue = this.#queues.get(peer);
    if (queue === undefined) this.#queues.set(peer, [waiting]);
    else queue.push(waiting);
  }

  waitingOf(peer: string): number {
    return this.#queues.get(peer)?.length ?? 0;
  }

  /**
   * What fits one transaction: of each peer as much as of any other, as far as it has as much waiting, in its order. The
   * second of two entries under one id waits with all behind it, so that it meets the first in the log.
   *
   * @returns nothing where nothing waits
   */
  take(): readonly Waiting[] {
    const group: Waiting[] = [];
    const turns = [...this.#queues].map(([peer, entries]) => new Turn(peer, entries));
    let characters = 0;
    for (let turn = leastOf(turns); turn !== undefined; turn = leastOf(turns)) {
      const next = turn.entries[turn.taken] as Waiting;
      characters += next.entry.canonical.length;
      if (group.length > 0 && characters > MAX_GROUP_CHARACTERS) break;
      turn.take(next);
      if (group.push(next) >= MAX_GROUP_ENTRIES) break;
    }
    this.#leave(turns);
    return group;
  }

  /** Who has had least of this group is the first of the next one. */
  #leave(turns: readonly Turn<Waiting>[]): void {
    const left = turns.filter(({ entries, taken }) => taken < entries.length);
    left.sort((a, b) => a.cost - b.cost);
    this.#queues = new Map(left.map(({ peer, entries, taken }) => [peer, entries.slice(taken)]));
  }
}

/** What one peer has of a group. */
class Turn<Waiting extends WaitingEntry> {
  readonly peer: string;
  readonly entries: readonly Waiting[];
  readonly #ids = new Set<string>();
  taken = 0;
  cost = 0;

  constructor(peer: string, entries: readonly Waiting[]) {
    this.peer = peer;
    this.entries = entries;
  }

  get isOver(): boolean {
    const next = this.entries[this.taken];
    return next === undefined || this.#ids.has(next.entry.columns.id);
  }

  take({ entry }: Waiting): void {
    this.#ids.add(entry.columns.id);
    this.taken += 1;
    this.cost += entry.canonical.length + CHARACTERS_OF_ROW;
  }
}

/** Whose turn it is. */
function leastOf<Waiting extends WaitingEntry>(turns: readonly Turn<Waiting>[]): Turn<Waiting> | undefined {
  let least: Turn<Waiting> | undefined;
  for (const turn of turns) if (!turn.isOver && (least === undefined || turn.cost < least.cost)) least = turn;
  return least;
}
