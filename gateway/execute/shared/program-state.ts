/**
 * Execute, compiler: what a run has fetched and indexed. It is in `shared` because a shared response carries it
 * from one run to the next.
 */

/** What a run knows so far: answers stay as they came, and places point into them. */
export interface ProgramState {
  /** By fetch: the objects that it answered, each once. */
  readonly layers: (readonly unknown[])[];
  /** By representation keys: for each place in the order of the answer, which object belongs there, or -1. */
  readonly pointers: (readonly number[])[];
  /** The same where places are distinguished by the object that is there. */
  readonly places: ReadonlyMap<unknown, number>[];
  /** By position: for each object of the layer, where the places under it begin. */
  readonly offsets: (readonly number[])[];
  /** By representation keys: the representations, each once. */
  readonly texts: (readonly string[])[];
  /** The JSON text of `data`, once written. */
  answer: string | undefined;
}
