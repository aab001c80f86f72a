interface LifeDetail {
  readonly spool?: unknown;
  readonly alive_seconds?: unknown;
}

/** A source that is heard of every so often is given that many of its own intervals. */
const PATIENCE = 3;

/**
 * Whether a boot may have recorded more than the log has. One that says where it spools, and that it is heard of every
 * `alive_seconds`, is open once it is silent for three times as long beside a log that goes on, or once another boot of
 * its instance has begun that did not find its spool. One that has each event copied to an audit replica is open only
 * where such copies were damaged. One that never said so, of an older release, is not judged.
 */
export class SourceLife {
  #aliveSeconds: number | undefined;
  #spool: unknown = 'local';
  #ended = false;
  /** The place of its last event in the log. */
  #heardOf = -1;
  /** Milliseconds since the epoch. */
  #heardAt = 0;

  /**
   * @param seq the event's place in the log
   * @param newest the time of the log's newest event at that entry: a source's own clock may be slow
   */
  hear(type: unknown, detail: LifeDetail | undefined, seq: number, newest: number): void {
    this.#heardAt = newest;
    this.#heardOf = seq;
    if (type === 'source.stop') this.#ended = true;
    if (type !== 'source.start' && type !== 'source.alive') return;
    if (typeof detail?.alive_seconds === 'number') this.#aliveSeconds = detail.alive_seconds;
    this.#spool = detail?.spool;
  }

  /** The next boot has sent what this one left. */
  continued(): void {
    this.#ended = true;
  }

  /**
   * @param newest the time of the log's newest event
   * @param succeeded the place of the last start of a boot of its instance that says which spools it found; whoever sends
   *   events after that has not crashed
   * @param isCopyDamaged whether an audit replica has lost copies that may be of this boot
   */
  openAt(newest: number, succeeded: number, isCopyDamaged: boolean): 'succeeded' | 'silent' | undefined {
    if (this.#ended || this.#spool === 'off' || (this.#spool === 'replicated' && !isCopyDamaged))
      return undefined;
    if (this.#aliveSeconds === undefined) return undefined;
    if (this.#heardOf < succeeded) return 'succeeded';
    return newest - this.#heardAt > this.#aliveSeconds * PATIENCE * 1000 ? 'silent' : undefined;
  }
}
