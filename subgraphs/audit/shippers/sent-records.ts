import { cursorAfter, type StreamCursor, type StreamRecord } from './stream-record.ts';

interface SentRecord {
  /** The number under which it is set aside when it is refused for good: of a checkpoint, its last entry. */
  readonly seq: number;
  /** Where the stream goes on behind it. */
  readonly after: StreamCursor;
}

/** What one connection was sent and has not acknowledged yet, oldest first. */
export class SentRecords {
  readonly #sent: SentRecord[] = [];
  /** The position of the oldest. */
  #first = 0;
  #acknowledged: StreamCursor;
  #end: StreamCursor;

  constructor(cursor: StreamCursor) {
    this.#acknowledged = this.#end = cursor;
  }

  get size(): number {
    return this.#sent.length;
  }

  /** Where the stream goes on behind all of it. */
  get end(): StreamCursor {
    return this.#end;
  }

  /** @returns the position of the record */
  add(record: StreamRecord): number {
    this.#end = cursorAfter(this.#end, record);
    this.#sent.push({ seq: record.kind === 'entry' ? record.seq : record.size - 1, after: this.#end });
    return this.#first + this.#sent.length - 1;
  }

  /** Where the stream goes on once everything below a position is acknowledged. */
  settle(position: number): StreamCursor {
    const settled = this.#sent.splice(0, position - this.#first);
    this.#first += settled.length;
    this.#acknowledged = settled.at(-1)?.after ?? this.#acknowledged;
    return this.#acknowledged;
  }

  seqAt(position: number): number {
    return this.#sent[position - this.#first]?.seq ?? -1;
  }
}
