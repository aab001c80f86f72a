import type { Refusal } from '../stages.ts';

/** What one pass over an operation refuses: each path once, however many fragments select it. */
export interface CollectedRefusals {
  /**
   * @param coordinate `Type.field`
   * @param lacks numbers of the requirements that the caller does not meet
   * @param part of an answer in parts that has to report it
   */
  add(path: readonly string[], coordinate: string, lacks: readonly number[], part: string): void;
  isEmpty(): boolean;
  /** @param defers whether the answer has parts: then each refusal names those that report it */
  list(defers: boolean): readonly Refusal[];
}

/** @param missing what of a numbered requirement the caller lacks */
export function createCollectedRefusals(
  missing: (requirement: number) => readonly string[],
): CollectedRefusals {
  const refusals = new Map<string, Omit<Refusal, 'parts'> & { readonly parts: Set<string> }>();
  return {
    add(path, coordinate, lacks, part) {
      const at = path.join('.');
      const known = refusals.get(at);
      if (known !== undefined) {
        known.parts.add(part);
        return;
      }
      const names = [...new Set(lacks.flatMap(missing))];
      refusals.set(at, { path, coordinate, lacks, missing: names, parts: new Set([part]) });
    },
    isEmpty: () => refusals.size === 0,
    list: (defers) =>
      [...refusals.values()].map(({ parts, ...refusal }) =>
        defers ? { ...refusal, parts: [...parts] } : refusal,
      ),
  };
}
