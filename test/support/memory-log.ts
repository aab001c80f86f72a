import { hash } from 'node:crypto';
import { canonicalText } from '@aduana/client/audit/canonical';
import { leafHash, nodeHash } from '@aduana/server-kit/audit/merkle';
import type { Database } from '@aduana/server-kit/store/database';
import type { CheckpointView } from '../../subgraphs/audit/checkpoints/proofs.ts';
import type { PublishedParts } from '../../subgraphs/audit/publishing/publish-log.ts';
import { postedEvent } from './audit-events.ts';
import { noteOver, rootOver, TEST_SIGNER } from './exported-log.ts';

const WIDTH = 256;

/** A log in memory, of which a test says what it holds, what is signed and what is dropped. */
export interface MemoryLog {
  readonly parts: PublishedParts;
  /** Appends entries, each with these members, and signs them. */
  grow(count: number, members?: Readonly<Record<string, unknown>>): void;
  /** Drops entries below, with the note that says so. */
  drop(minimumIndex: number, note: string): void;
  tamper(reason: string): void;
}

export function createMemoryLog(size: number, name = 'log'): MemoryLog {
  const texts: string[] = [];
  const signed = new Map<number, CheckpointView>();
  const state = {
    minimum: 0,
    note: undefined as string | undefined,
    contradiction: undefined as string | undefined,
  };

  function grow(count: number, members: Readonly<Record<string, unknown>> = {}): void {
    for (const end = texts.length + count; texts.length < end;) {
      const n = texts.length;
      const source = { peer: 'gateway', instance: 'i', boot_id: 'b', n };
      const time = new Date(1_767_225_600_000 + n).toISOString();
      texts.push(canonicalText(postedEvent({ id: idOf(name, n), time, source, ...members })));
    }
    signed.clear();
  }

  function tile(level: number, index: number, width: number): Promise<readonly Buffer[]> {
    const hashes = Array.from({ length: width }, (_, at) => nodeAt(level, index * WIDTH + at));
    return Promise.resolve(hashes);
  }

  /** The root of 256^level leaves. */
  function nodeAt(level: number, index: number): Buffer {
    if (level === 0) return leafHash(texts[index] ?? '');
    let row = Array.from({ length: WIDTH }, (_, at) => nodeAt(level - 1, index * WIDTH + at));
    while (row.length > 1)
      row = Array.from({ length: row.length / 2 }, (_, pair) => nodeHash(row[pair * 2]!, row[pair * 2 + 1]!));
    return row[0]!;
  }

  function checkpoint(of = texts.length) {
    const view = signed.get(of) ?? { size: of, root: rootOver(texts, of), note: noteOver(texts, of) };
    signed.set(of, view);
    return Promise.resolve(view);
  }

  const reader = {
    query: (_: string, [from, to]: readonly number[]) => {
      const rows = texts.slice(from, to).map((canonical) => ({ canonical }));
      return Promise.resolve({ rows: (from ?? 0) < state.minimum ? [] : rows, affected: 0 });
    },
  } as unknown as Database;

  grow(size);
  return {
    grow,
    drop(minimumIndex, note) {
      state.minimum = minimumIndex;
      state.note = note;
    },
    tamper: (reason) => void (state.contradiction = reason),
    parts: {
      reader,
      tree: { tile },
      proofs: { checkpoint, stored: checkpoint },
      minimumIndex: {
        current: () => Promise.resolve(state.minimum),
        note: () => Promise.resolve(state.note),
      },
      vkey: () => TEST_SIGNER.vkey,
      vkeys: () => [TEST_SIGNER.vkey],
      witnessed: () => undefined,
      timestamps: { last: () => Promise.resolve(undefined) },
      contradiction: () => state.contradiction,
    },
  };
}

/** The same for the same log and place, so that two logs of one name hold the same. */
function idOf(name: string, at: number): string {
  const digits = hash('sha256', `${name} ${String(at)}`);
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-7${digits.slice(13, 16)}-8${digits.slice(17, 20)}-${digits.slice(20, 32)}`;
}
