import { type DocumentNode, type FieldNode, Kind, type SelectionSetNode } from 'graphql';
import { fragmentsOf } from '@aduana/subgraph/graphql/fragments-of';
import { NESTING_LIMIT } from './measure-document.ts';

/** Fields and fragments that are looked at for each comparison that is allowed. */
const STEPS_FOR_EACH = 10;

/**
 * How many pairs validation compares to learn whether fields of one response key can be merged (GraphQL section 5.3.2):
 * it grows with the square of what is repeated, fragments included.
 *
 * @returns any number beyond `limit` where there are more
 */
export function countComparisons(document: DocumentNode, limit: number): number {
  const fragments = fragmentsOf(document);
  const used = new Set<string>();
  let comparisons = 0;
  let steps = limit * STEPS_FOR_EACH;

  /** @param levels left before this can only be a fragment within itself, which validation refuses */
  function countMerged(selectionSets: readonly SelectionSetNode[], levels: number): void {
    if (levels === 0) return;
    const fields = new Map<string, FieldNode[]>();
    const spread = new Set<string>();
    let own = 0;
    let spreads = 0;

    function collect({ selections }: SelectionSetNode, isOwn: boolean): void {
      for (const selection of selections) {
        steps -= 1;
        if (steps < 0) return;
        if (selection.kind === Kind.FIELD) {
          const key = selection.alias?.value ?? selection.name.value;
          const known = fields.get(key);
          if (known === undefined) fields.set(key, [selection]);
          else known.push(selection);
          if (isOwn) own += 1;
        } else if (selection.kind === Kind.INLINE_FRAGMENT) collect(selection.selectionSet, isOwn);
        else {
          spreads += 1;
          const { value: name } = selection.name;
          const fragment = fragments.get(name);
          if (fragment === undefined || spread.has(name)) continue;
          spread.add(name);
          used.add(name);
          collect(fragment.selectionSet, false);
        }
      }
    }

    for (const selectionSet of selectionSets) collect(selectionSet, true);
    comparisons += pairs(spread.size) + (selectionSets.length > 1 ? own * spreads : 0);
    for (const nodes of fields.values()) {
      if (comparisons > limit || steps < 0) return;
      comparisons += pairs(nodes.length);
      const inside = nodes.flatMap(({ selectionSet }) => (selectionSet === undefined ? [] : [selectionSet]));
      if (inside.length > 0) countMerged(inside, levels - 1);
    }
  }

  for (const definition of document.definitions)
    if (definition.kind !== Kind.FRAGMENT_DEFINITION && 'selectionSet' in definition)
      countMerged([definition.selectionSet], NESTING_LIMIT);
  // validation compares within each, and learns in the end that nothing uses it
  for (const [name, fragment] of fragments)
    if (!used.has(name)) countMerged([fragment.selectionSet], NESTING_LIMIT);
  return steps < 0 ? Infinity : comparisons;
}

function pairs(count: number): number {
  return (count * (count - 1)) / 2;
}
