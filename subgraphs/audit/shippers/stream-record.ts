/** How far a receiver has come in the stream of entries and checkpoints. */
export interface StreamCursor {
  /** Entries below are with the receiver. */
  readonly seq: number;
  /** The largest tree whose checkpoint is. */
  readonly checkpointSize: number;
}

/** What is shipped: an entry of the log, or a signed checkpoint, which is none and so makes the log no longer. */
export type StreamRecord = ShippedEntry | ShippedCheckpoint;

export interface ShippedEntry {
  readonly kind: 'entry';
  readonly seq: number;
  readonly time: Date;
  readonly leaf_hash: Buffer;
  readonly canonical: string;
  /** Whether an earlier entry has its id: of another peer, as a peer uses each id once. */
  readonly has_namesake: boolean;
}

export interface ShippedCheckpoint {
  readonly kind: 'checkpoint';
  readonly size: number;
  readonly root: Buffer;
  readonly note: string;
  readonly signed_at: Date;
}

/** The cursor after a record. */
export function cursorAfter(cursor: StreamCursor, record: StreamRecord): StreamCursor {
  return record.kind === 'entry'
    ? { ...cursor, seq: record.seq + 1 }
    : { ...cursor, checkpointSize: record.size };
}
