import { createReadStream } from 'node:fs';

const MAX_CHARACTERS = 1_048_576;

/**
 * Reads an object as `JSON.stringify` writes it whose members are plain values and arrays. It holds one element of these
 * arrays at a time, so that a file of any size takes bounded room.
 *
 * @returns the object, its arrays without their elements
 * @throws SyntaxError where it is none, RangeError where an element is too long
 */
export async function readInElements(
  file: string,
  onElement: (member: string, element: unknown) => void,
): Promise<unknown> {
  const scanner = new Scanner(onElement);
  for await (const chunk of createReadStream(file, 'utf8') as AsyncIterable<string>) scanner.take(chunk);
  return scanner.end();
}

class Scanner {
  readonly #onElement: (member: string, element: unknown) => void;
  /** What is outside of elements. */
  #frame = '';
  #element = '';
  #member = '';
  /** 1 in the object, 2 in an array of it. */
  #depth = 0;
  #isInString = false;
  #isEscaped = false;

  constructor(onElement: (member: string, element: unknown) => void) {
    this.#onElement = onElement;
  }

  take(chunk: string): void {
    let from = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      const character = chunk[at] ?? '';
      if (this.#isInString) this.#passString(character);
      else if (character === '"') this.#isInString = true;
      else if (this.#isEdge(character)) {
        this.#keep(chunk.slice(from, at));
        from = at;
        if (this.#pass(character)) from += 1;
      } else if (character === '{' || character === '[') this.#depth += 1;
      else if (character === '}' || character === ']') this.#depth -= 1;
    }
    this.#keep(chunk.slice(from));
    if (this.#frame.length + this.#element.length > MAX_CHARACTERS)
      throw new RangeError('too long an element');
  }

  end(): unknown {
    return JSON.parse(this.#frame);
  }

  #passString(character: string): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (character === '\\') this.#isEscaped = true;
    else if (character === '"') this.#isInString = false;
  }

  /** Whether an array of the object begins or ends there, or an element of it ends. */
  #isEdge(character: string): boolean {
    if (this.#depth === 1) return character === '[';
    return this.#depth === 2 && (character === ',' || character === ']');
  }

  /** @returns whether the character is dealt with */
  #pass(character: string): boolean {
    if (character === '[') {
      this.#member = /"(\w+)":$/.exec(this.#frame)?.[1] ?? '';
      this.#frame += character;
      this.#depth = 2;
      return true;
    }
    if (this.#element !== '') this.#onElement(this.#member, JSON.parse(this.#element));
    this.#element = '';
    if (character === ',') return true;
    this.#depth = 1;
    return false;
  }

  #keep(text: string): void {
    if (this.#depth < 2) this.#frame += text;
    else this.#element += text;
  }
}
