import { FairShares, type Share } from '@aduana/core/platform/fair-shares';
import type { EntryColumns } from './entry-columns.ts';

/** An entry that waits for its transaction. */
export interface WaitingEntry {
  readonly entry: { readonly canonical: string; readonly columns: Pick<EntryColumns, 'id' | 'peer'> };
}

const MAX_GROUP_ENTRIES = 1000;
const MAX_GROUP_CHARACTERS = 1_048_576;
/** What an entry costs the database beside its text, as so many characters. */
const CHARACTERS_OF_ROW = 512;

/**
 * Entries that wait for the log: next are those of the peer that has had least of it, so that none waits for all that another
 * has posted. As much of one peer as fits goes together: of large posts that came at once, one after the other is done.
 */
export class AppendTurns<Waiting extends WaitingEntry> {
  readonly #shares = new FairShares<Waiting>();

  /** Behind those that its peer has waiting. */
  add(waiting: Waiting): void {
    this.#shares.add(waiting.entry.columns.peer, waiting);
  }

  waitingOf(peer: string): number {
    return this.#shares.sizeOf(peer);
  }

  /**
   * What fits one transaction, of each peer in its order. The second of two entries under one id waits with all behind it, so
   * that it meets the first in the log.
   *
   * @returns nothing where nothing waits
   */
  take(): readonly Waiting[] {
    const group: Waiting[] = [];
    const passed: Share<Waiting>[] = [];
    this.#fill(group, passed);
    for (const share of passed) this.#shares.pass(share);
    return group;
  }

  /** @param passed gets the shares that could have more of the group but for an id */
  #fill(group: Waiting[], passed: Share<Waiting>[]): void {
    let characters = 0;
    for (const share of this.#shares.inOrder()) {
      const ids = new Set<string>();
      for (let next = share.first; next !== undefined; next = share.first) {
        const { canonical, columns } = next.entry;
        if (ids.has(columns.id)) {
          passed.push(share);
          break;
        }
        characters += canonical.length;
        if (group.length > 0 && characters > MAX_GROUP_CHARACTERS) return;
        ids.add(columns.id);
        this.#shares.take(share, canonical.length + CHARACTERS_OF_ROW);
        if (group.push(next) >= MAX_GROUP_ENTRIES) return;
      }
    }
  }
}
