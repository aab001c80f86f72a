/** A part of a frame: RESP's mark of its type, its text (at most the first 1024 characters), and its number, length or count. */
export interface RespPart {
  readonly mark: string;
  readonly text: string;
  readonly number: number;
}

/** More than what replicas announce to one another, which is the largest that is asked for. */
const LARGEST_FRAME = 1024 * 1024;
const LARGEST_LINE = 1024;
const MOST_PARTS = 65_536;
const DEEPEST = 8;
const [CR, LF] = [13, 10];

/** Of RESP2 and RESP3, what Redis answers to our commands: lines, texts with a length, and what holds other values. */
const LINES = '+-';
const TEXTS = '$=';
const HOLDERS = '*>%';

/** Cuts what a server sends into frames, in linear time and bounded memory, and gives out whole ones alone. */
export class RespFrames {
  readonly #check: (parts: readonly RespPart[]) => void;
  #held: Buffer = Buffer.alloc(0);
  #length = 0;
  /** Where the value begins that is not whole yet, and how far it was searched for the end of its line. */
  #begun = 0;
  #searched = 0;
  #text: { readonly mark: string; readonly bytes: number } | undefined;
  #parts: RespPart[] = [];
  /** How many values each holder still waits for. */
  readonly #open: number[] = [];

  /** @param check is asked of each frame that is whole, and throws to refuse it */
  constructor(check: (parts: readonly RespPart[]) => void) {
    this.#check = check;
  }

  /**
   * Takes the next bytes.
   *
   * @returns those of the frames that are whole now
   * @throws RangeError for what is no frame, or is too large or too deep
   */
  take(chunk: Buffer): Buffer {
    this.#hold(chunk);
    const whole = this.#scan();
    const isAll = whole === this.#length;
    const frames = isAll ? this.#held.subarray(0, whole) : Buffer.from(this.#held.subarray(0, whole));
    if (isAll) this.#held = Buffer.alloc(0);
    else this.#held.copyWithin(0, whole, this.#length);
    this.#length -= whole;
    this.#begun -= whole;
    this.#searched -= whole;
    if (this.#length > LARGEST_FRAME) throw refused('is too large');
    return frames;
  }

  #hold(chunk: Buffer): void {
    const length = this.#length + chunk.length;
    if (this.#length === 0) this.#held = chunk;
    else {
      if (length > this.#held.length) {
        const larger = Buffer.allocUnsafe(Math.max(2 * this.#held.length, length));
        this.#held.copy(larger, 0, 0, this.#length);
        this.#held = larger;
      }
      chunk.copy(this.#held, this.#length);
    }
    this.#length = length;
  }

  /** @returns how many of the held bytes belong to whole frames */
  #scan(): number {
    let whole = 0;
    for (;;) {
      const isText = this.#text !== undefined;
      const end = isText ? this.#begun + (this.#text?.bytes ?? 0) : this.#endOfLine();
      if (end === undefined || this.#length < end + 2) return whole;
      if (this.#held[end] !== CR || this.#held[end + 1] !== LF) throw refused('is malformed');
      const shown = this.#held.toString('latin1', this.#begun, Math.min(end, this.#begun + LARGEST_LINE));
      this.#begun = this.#searched = end + 2;
      if (isText ? this.#closeText(shown) : this.#readLine(shown)) whole = this.#begun;
    }
  }

  #endOfLine(): number | undefined {
    const end = this.#held.subarray(0, this.#length).indexOf(LF, this.#searched);
    this.#searched = this.#length;
    if ((end < 0 ? this.#length : end) - this.#begun > LARGEST_LINE) throw refused('has a line without end');
    if (end >= 0 && end <= this.#begun) throw refused('is malformed');
    return end < 0 ? undefined : end - 1;
  }

  /** @returns whether a frame is whole with this line */
  #readLine(line: string): boolean {
    const [mark, rest] = [line.slice(0, 1), line.slice(1)];
    if (LINES.includes(mark)) return this.#close({ mark, text: rest, number: NaN });
    if (line === '_') return this.#close({ mark, text: '', number: NaN });
    if (!/^-?\d{1,15}$/.test(rest)) throw refused('is malformed');
    const number = Number(rest);
    if (mark === ':') return this.#close({ mark, text: '', number });
    if (line === '$-1' || line === '*-1') return this.#close({ mark: '_', text: '', number: NaN });
    if (number < 0 || number > LARGEST_FRAME) throw refused('is too large');
    if (HOLDERS.includes(mark))
      return this.#close({ mark, text: '', number }, mark === '%' ? 2 * number : number);
    if (!TEXTS.includes(mark)) throw refused('has a type that nobody asked for');
    this.#text = { mark, bytes: number };
    return false;
  }

  #closeText(shown: string): boolean {
    const { mark, bytes } = this.#text ?? { mark: '$', bytes: 0 };
    this.#text = undefined;
    return this.#close({ mark, text: shown, number: bytes });
  }

  /** @returns whether a frame is whole with this value, of which `holds` more are parts */
  #close(part: RespPart, holds = 0): boolean {
    this.#parts.push(part);
    if (this.#parts.length > MOST_PARTS) throw refused('has too many parts');
    if (holds > 0) this.#open.push(holds);
    else
      while (this.#open.length > 0) {
        const left = (this.#open.pop() ?? 1) - 1;
        if (left === 0) continue;
        this.#open.push(left);
        break;
      }
    if (this.#open.length > DEEPEST) throw refused('is too deep');
    if (this.#open.length > 0) return false;
    const parts = this.#parts;
    this.#parts = [];
    this.#check(parts);
    return true;
  }
}

function refused(why: string): RangeError {
  return new RangeError(`what Redis sent ${why}`);
}
