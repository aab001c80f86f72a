/** Execute, every engine: how large an answer may become. */

import { SecurityError } from '@aduana/core/errors/security-error';

/** Characters of one answer, as many as bytes of one subgraph's: what a subgraph sends once may belong to many places. */
export const MAX_RESPONSE_CHARACTERS = 67_108_864;

/** @throws SecurityError `SUBGRAPH_ERROR`, always */
export function refuseResponseSize(): never {
  throw new SecurityError('SUBGRAPH_ERROR', { detail: 'the values of subgraphs make too large an answer' });
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
}
