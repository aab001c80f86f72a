import { cursorAfter, type StreamCursor, type StreamRecord } from './stream-record.ts';

/** What one connection was sent and has not acknowledged yet, oldest first. */
export class SentRecords {
  readonly #sent: StreamRecord[] = [];
  /** The position of the oldest. */
  #first = 0;
  #acknowledged: StreamCursor;

  constructor(cursor: StreamCursor) {
    this.#acknowledged = cursor;
  }

  get size(): number {
    return this.#sent.length;
  }

  /** @returns the position of the record */
  add(record: StreamRecord): number {
    this.#sent.push(record);
    return this.#first + this.#sent.length - 1;
  }

  /** Where the stream goes on once everything below a position is acknowledged. */
  settle(position: number): StreamCursor {
    const settled = this.#sent.splice(0, position - this.#first);
    this.#first += settled.length;
    this.#acknowledged = settled.reduce(cursorAfter, this.#acknowledged);
    return this.#acknowledged;
  }

  /** The number under which a record that is refused for good is set aside: of a checkpoint, its last entry. */
  seqAt(position: number): number {
    const record = this.#sent[position - this.#first];
    return record === undefined ? -1 : record.kind === 'entry' ? record.seq : record.size - 1;
  }
}
