/** Execute, every engine: how large an answer may become. */

import { SecurityError } from '@aduana/core/errors/security-error';

/** Characters of one answer, as many as bytes of one subgraph's: what a subgraph sends once may belong to many places. */
export const MAX_RESPONSE_CHARACTERS = 67_108_864;
/** Objects and lists of one answer: each takes memory and time beyond its characters. */
export const MAX_RESPONSE_OBJECTS = 1_000_000;

/** @throws SecurityError `SUBGRAPH_ERROR`, always */
export function refuseResponseSize(): never {
  throw new SecurityError('SUBGRAPH_ERROR', { detail: 'the values of subgraphs make too large an answer' });
}

/** How large a part of an answer is. */
export interface ResponseSize {
  /** At least: as many as are known before the text is written. */
  readonly characters: number;
  /** Lists as well. */
  readonly objects: number;
}

/** What an answer takes so far, while it is shaped. */
export class ResponseRoom implements ResponseSize {
  characters = 0;
  objects = 0;

  /** @throws SecurityError `SUBGRAPH_ERROR` where the answer has no room for one more object or list */
  takeObject(): void {
    this.take({ characters: 1, objects: 1 });
  }

  /** @throws SecurityError `SUBGRAPH_ERROR` where the answer has no room for a part of this size */
  take({ characters, objects }: ResponseSize): void {
    this.objects += objects;
    if (this.objects > MAX_RESPONSE_OBJECTS) refuseResponseSize();
    this.takeCharacters(characters);
  }

  /** @throws SecurityError `SUBGRAPH_ERROR` where the answer has no room for a scalar, an enum or null */
  takeLeaf(leaf: unknown): void {
    if (typeof leaf === 'string') this.takeCharacters(leaf.length + 2);
    else if (typeof leaf === 'object') this.takeCharacters(JSON.stringify(leaf).length);
    else this.takeCharacters(1);
  }

  /** @throws SecurityError `SUBGRAPH_ERROR` where the answer has no room for as many characters */
  takeCharacters(count: number): void {
    this.characters += count;
    if (this.characters > MAX_RESPONSE_CHARACTERS) refuseResponseSize();
  }
}
