import { CHUNK_BYTES } from '@aduana/core/http/body-budget';

const CONTROL_FRAMES_FROM = 8;

/**
 * Measures what a WebSocket message that is not whole keeps in memory (RFC 6455 section 5.2): a part of one byte keeps all
 * that was read together with it.
 */
export class FrameMeter {
  #head: number[] = [];
  /** To come of the frame's payload; undefined while its head is not whole. */
  #rest: number | undefined;
  /** Kept by the frame that is not whole, of the chunks before the one that is read. */
  #ofFrame = 0;
  /** Kept by the parts before it. */
  #ofMessage = 0;
  /** Of the chunk that is read: it counts once. */
  #uncounted = 0;

  /** Bytes that wait for the rest of their frame or message; zero where nothing waits. */
  get held(): number {
    return this.#ofMessage + this.#ofFrame;
  }

  read(chunk: Buffer): void {
    const cost = chunk.length + CHUNK_BYTES;
    this.#uncounted = cost;
    for (let at = 0; at < chunk.length;) {
      if (this.#rest === undefined) {
        this.#head.push(chunk[at] ?? 0);
        at += 1;
        this.#rest = payloadLength(this.#head);
      } else {
        const taken = Math.min(this.#rest, chunk.length - at);
        at += taken;
        this.#rest -= taken;
      }
      if (this.#rest === 0) this.#endFrame(cost);
    }
    if (this.#head.length > 0) this.#ofFrame += this.#uncounted;
  }

  #endFrame(cost: number): void {
    const [first = 0] = this.#head;
    const isControl = (first & 0x0f) >= CONTROL_FRAMES_FROM;
    const isLast = (first & 0x80) !== 0;
    if (!isControl) {
      const ofPart = this.#ofFrame + CHUNK_BYTES + this.#uncounted;
      this.#ofMessage = isLast ? 0 : this.#ofMessage + ofPart;
      this.#uncounted = isLast ? cost : 0;
    }
    this.#ofFrame = 0;
    this.#head = [];
    this.#rest = undefined;
  }
}

/** Undefined while bytes of the head are to come. */
function payloadLength(head: readonly number[]): number | undefined {
  const [, second = 0] = head;
  const length = second & 0x7f;
  const extended = length === 127 ? 8 : length === 126 ? 2 : 0;
  const mask = (second & 0x80) === 0 ? 0 : 4;
  if (head.length < 2 + extended + mask) return undefined;
  return extended === 0 ? length : head.slice(2, 2 + extended).reduce((value, byte) => value * 256 + byte, 0);
}
