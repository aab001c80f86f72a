/** Execute, every engine: how large an answer may become. */

import { SecurityError } from '@aduana/core/errors/security-error';

/** Characters of one answer, as many as bytes of one subgraph's: what a subgraph sends once may belong to many places. */
export const MAX_RESPONSE_CHARACTERS = 67_108_864;

/** @throws SecurityError `SUBGRAPH_ERROR`, always */
export function refuseResponseSize(): never {
  throw new SecurityError('SUBGRAPH_ERROR', { detail: 'the values of subgraphs make too large an answer' });
}

/** So many take the interpreter some half a second. */
const MOST_REPEATED_VALUES = 500_000;
const FEW_REPEATED_VALUES = 1_000;

/** Values that one operation has in further places than the first: lists within lists of the same entities multiply them. */
export class RepeatedValues {
  #count = 0;

  /** @throws SecurityError `SUBGRAPH_ERROR` where there are too many */
  add(): void {
    this.#count += 1;
    if (this.#count > MOST_REPEATED_VALUES) refuseResponseSize();
  }

  /** Whether what is done with them is worth the caller's account. */
  get areMany(): boolean {
    return this.#count > FEW_REPEATED_VALUES;
  }
}

/** What an answer has room for yet, while it is shaped. */
export class ResponseRoom {
  #left = MAX_RESPONSE_CHARACTERS;

  /** @throws SecurityError `SUBGRAPH_ERROR` where the answer has no room for the leaf */
  take(leaf: unknown): void {
    if (typeof leaf === 'string') this.#left -= leaf.length;
    else if (typeof leaf === 'object') this.#left -= JSON.stringify(leaf).length;
    else this.#left -= 1;
    if (this.#left < 0) refuseResponseSize();
  }

  /** The same for what is written around the leaves. */
  takeCharacters(count: number): void {
    this.#left -= count;
    if (this.#left < 0) refuseResponseSize();
  }
}
