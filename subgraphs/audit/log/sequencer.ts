import { SecurityError } from '@aduana/core/errors/security-error';
import type { Database } from '@aduana/server-kit/store/database';
import { ConstraintError } from '@aduana/server-kit/store/database-error';
import { AppendTurns, type WaitingEntry } from './append-turns.ts';
import type { EntryColumns } from './entry-columns.ts';

/** An event in its final form. */
export interface NewEntry {
  readonly columns: EntryColumns;
  /** SHA-256: an event sent again must have the same. */
  readonly fingerprint: Buffer;
  readonly leafHash: Buffer;
  readonly canonical: string;
}

/** Where an event is in the log; `conflicting`: another one is there under its id. */
export interface Placed {
  readonly seq: number;
  readonly result: 'added' | 'known' | 'conflicting';
}

export interface Sequencer {
  /**
   * Resolves once all entries, of one peer, are durable, in their order.
   *
   * @throws SecurityError `STORE_UNAVAILABLE`, `OVERLOADED`
   */
  append(entries: readonly NewEntry[]): Promise<readonly Placed[]>;
}

/** Entries of one call, which resolves once the last of them is placed. */
interface Call {
  readonly placed: Placed[];
  missing: number;
  readonly done: (placed: readonly Placed[]) => void;
  readonly fail: (error: unknown) => void;
}

interface Waiting extends WaitingEntry {
  readonly entry: NewEntry;
  readonly call: Call;
  /** Its place among the entries of its call. */
  readonly index: number;
}

interface StoredEntry {
  readonly ordinal: number;
  readonly seq: number;
  readonly fingerprint: Buffer | null;
}

/** Entries of one peer: ten times the most that a body holds. */
const MAX_WAITING = 20_000;

/** Group commit: the next transaction takes what came while the last one was committed, of each peer its share. */
export function createSequencer(writer: Database): Sequencer {
  const turns = new AppendTurns<Waiting>();
  let committing = false;

  async function commitAll(): Promise<void> {
    if (committing) return;
    committing = true;
    for (let group = turns.take(); group.length > 0; group = turns.take()) await commit(group);
    committing = false;
  }

  async function commit(group: readonly Waiting[]): Promise<void> {
    const entries = group.map(({ entry }) => entry);
    try {
      const places = await appendGroup(writer, entries);
      group.forEach(({ call, index }, at) => {
        call.placed[index] = places[at] as Placed;
        call.missing -= 1;
        if (call.missing === 0) call.done(call.placed);
      });
    } catch (error) {
      for (const { call } of group) call.fail(error);
    }
  }

  return {
    append(entries) {
      const [first] = entries;
      if (first === undefined) return Promise.resolve([]);
      if (turns.waitingOf(first.columns.peer) + entries.length > MAX_WAITING)
        return Promise.reject(
          new SecurityError('OVERLOADED', {
            detail: `too many events of ${first.columns.peer} wait for the log`,
          }),
        );
      return new Promise((done, fail) => {
        const call: Call = { placed: [], missing: entries.length, done, fail };
        entries.forEach((entry, index) => {
          turns.add({ entry, call, index });
        });
        void commitAll();
      });
    },
  };
}

/** Almost always nothing of a group is stored yet; only where something is, the database looks up what. */
async function appendGroup(writer: Database, entries: readonly NewEntry[]): Promise<readonly Placed[]> {
  const parameters = parametersOf(entries);
  try {
    const { rows } = await writer.query<{ base: number }>(
      'SELECT append_new($1, $2, $3) AS base',
      parameters,
      'append_new',
    );
    const base = rows[0]?.base ?? 0;
    return entries.map((_, index) => ({ seq: base + index, result: 'added' }));
  } catch (error) {
    if (!(error instanceof ConstraintError)) throw error;
    return appendUnknown(writer, entries, parameters);
  }
}

async function appendUnknown(
  writer: Database,
  entries: readonly NewEntry[],
  parameters: readonly unknown[],
): Promise<readonly Placed[]> {
  const { rows } = await writer.query<StoredEntry>(
    'SELECT ordinal, seq, fingerprint FROM append($1, $2, $3)',
    parameters,
  );
  const known = new Map(rows.map((row) => [row.ordinal, row]));
  let next = known.get(0)?.seq ?? 0;
  return entries.map((entry, index) => {
    const stored = known.get(index + 1);
    if (stored === undefined) {
      next += 1;
      return { seq: next - 1, result: 'added' };
    }
    const isSame = stored.fingerprint?.equals(entry.fingerprint) === true;
    return { seq: stored.seq, result: isSame ? 'known' : 'conflicting' };
  });
}

/** What both take: lines, hashes and columns. */
function parametersOf(entries: readonly NewEntry[]): readonly unknown[] {
  return [
    entries.map(({ canonical }) => canonical).join('\n'),
    Buffer.concat(entries.flatMap(({ leafHash, fingerprint }) => [leafHash, fingerprint])),
    JSON.stringify(entries.map(({ columns }) => columns)),
  ];
}
