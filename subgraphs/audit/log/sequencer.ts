import { SecurityError } from '@aduana/core/errors/security-error';
import type { Database } from '@aduana/core/store/database';
import type { EntryColumns } from './entry-columns.ts';

/** An event in its final form. */
export interface NewEntry {
  readonly columns: EntryColumns;
  /** SHA-256: an event sent again must have the same. */
  readonly fingerprint: Buffer;
  readonly leafHash: Buffer;
  readonly canonical: string;
}

/** Where an event stands in the log; `conflicting`: another one stands there under its id. */
export interface Placed {
  readonly seq: number;
  readonly result: 'added' | 'known' | 'conflicting';
}

export interface Sequencer {
  /**
   * Resolves once all entries are durable, in their order.
   *
   * @throws SecurityError `STORE_UNAVAILABLE`, `OVERLOADED`
   */
  append(entries: readonly NewEntry[]): Promise<readonly Placed[]>;
}

interface Waiting {
  readonly entry: NewEntry;
  readonly place: (placed: Placed) => void;
  readonly fail: (error: unknown) => void;
}

interface StoredEntry {
  readonly ordinal: number;
  readonly seq: number;
  readonly fingerprint: Buffer | null;
}

const MAX_GROUP_ENTRIES = 1000;
const MAX_GROUP_CHARACTERS = 1_048_576;
const MAX_WAITING = 50_000;

/** Group commit: the next transaction takes what came while the last one was committed. */
export function createSequencer(writer: Database): Sequencer {
  let waiting: Waiting[] = [];
  let committing = false;

  async function commitAll(): Promise<void> {
    if (committing) return;
    committing = true;
    while (waiting.length > 0) {
      const { group, rest } = takeGroup(waiting);
      waiting = rest;
      await commit(group);
    }
    committing = false;
  }

  async function commit(group: readonly Waiting[]): Promise<void> {
    try {
      const { rows } = await writer.query<StoredEntry>(
        'SELECT ordinal, seq, fingerprint FROM append($1, $2, $3)',
        parametersOf(group.map(({ entry }) => entry)),
      );
      const known = new Map(rows.map((row) => [row.ordinal, row]));
      let next = known.get(0)?.seq ?? 0;
      group.forEach(({ entry, place }, index) => {
        const stored = known.get(index + 1);
        if (stored === undefined) {
          place({ seq: next, result: 'added' });
          next += 1;
        } else {
          const isSame = stored.fingerprint?.equals(entry.fingerprint) === true;
          place({ seq: stored.seq, result: isSame ? 'known' : 'conflicting' });
        }
      });
    } catch (error) {
      for (const { fail } of group) fail(error);
    }
  }

  return {
    append(entries) {
      if (waiting.length + entries.length > MAX_WAITING)
        return Promise.reject(
          new SecurityError('OVERLOADED', { detail: 'too many events wait for the log' }),
        );
      const placed = entries.map(
        (entry) =>
          new Promise<Placed>((place, fail) => {
            waiting.push({ entry, place, fail });
          }),
      );
      void commitAll();
      return Promise.all(placed);
    },
  };
}

/** What `append` takes: lines, hashes and columns. */
function parametersOf(entries: readonly NewEntry[]): readonly unknown[] {
  return [
    entries.map(({ canonical }) => canonical).join('\n'),
    Buffer.concat(entries.flatMap(({ leafHash, fingerprint }) => [leafHash, fingerprint])),
    JSON.stringify(entries.map(({ columns }) => columns)),
  ];
}

/** The oldest entries that fit one transaction; the second of two under one key waits, so that it meets the first. */
function takeGroup(waiting: readonly Waiting[]): { group: Waiting[]; rest: Waiting[] } {
  const group: Waiting[] = [];
  const rest: Waiting[] = [];
  const keys = new Set<string>();
  let characters = 0;
  for (const one of waiting) {
    const key = `${one.entry.columns.id} ${one.entry.columns.peer}`;
    characters += one.entry.canonical.length;
    const isFull =
      group.length >= MAX_GROUP_ENTRIES || (group.length > 0 && characters > MAX_GROUP_CHARACTERS);
    if (isFull || keys.has(key)) rest.push(one);
    else {
      keys.add(key);
      group.push(one);
    }
  }
  return { group, rest };
}
