/** Execute, after the last fetch: objects and lists that were completed, so that what several places share is completed once. */

import { ResponseRoom, type ResponseSize } from './response-size.ts';
import type { CompositeShape, FieldShape } from './response-shape.ts';

interface Completed {
  readonly part: unknown;
  /** What it takes wherever it is written. */
  readonly size: ResponseSize;
}

/** What is known of one answer while it is shaped, all its parts. */
export class CompletedParts {
  readonly room = new ResponseRoom();
  readonly #known = new Map<CompositeShape | FieldShape, Map<object, Completed>>();
  #depending = 0;

  /** Something depends on the place in the answer, or is noted with it: what lies around it is completed at each place. */
  dependOnPlace(): void {
    this.#depending += 1;
  }

  /**
   * The part of the answer for a value, which is completed where it was not yet.
   *
   * @throws SecurityError `SUBGRAPH_ERROR` where the answer has no room for it
   */
  take<Completing, Shape extends CompositeShape | FieldShape, Value extends object>(
    completing: Completing,
    shape: Shape,
    value: Value,
    complete: (completing: Completing, shape: Shape, value: Value) => unknown,
  ): unknown {
    let known = this.#known.get(shape);
    if (known === undefined) this.#known.set(shape, (known = new Map<object, Completed>()));
    const same = known.get(value);
    if (same !== undefined) {
      this.room.take(same.size);
      return same.part;
    }
    const depending = this.#depending;
    const { characters, objects } = this.room;
    const part = complete(completing, shape, value);
    if (this.#depending > depending) return part;
    const size = { characters: this.room.characters - characters, objects: this.room.objects - objects };
    known.set(value, { part, size });
    return part;
  }
}
