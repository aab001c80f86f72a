import { SecurityError } from '@aduana/core/errors/security-error';
import { type DocumentNode, Kind, type SelectionSetNode } from 'graphql';
import { fragmentsOf } from '@aduana/subgraph/graphql/fragments-of';

/** How large an operation is with its fragments written out. */
export interface Measures {
  /** Fields on the longest path, the leaf included; what is under `__schema` and `__type` apart. */
  readonly depth: number;
  readonly introspectionDepth: number;
  /** A long one counts once for each 128 characters begun, as an answer repeats it for each element of each list. */
  readonly aliases: number;
  readonly directives: number;
  readonly rootFields: number;
  /** Fields and fragments. */
  readonly selections: number;
  /** Selections within selections, those of fragments included: how deep a traversal of them goes. */
  readonly nesting: number;
}

/** What traverses a document recursively can take so many levels, whatever the other limits are. */
export const NESTING_LIMIT = 200;

type Counts = Omit<Measures, 'introspectionDepth'> & { readonly introspectionDepth: number };

const ALIAS_CHARACTERS = 128;
const NOTHING: Counts = {
  depth: 0,
  introspectionDepth: 0,
  aliases: 0,
  directives: 0,
  rootFields: 0,
  selections: 0,
  nesting: 0,
};

/**
 * The measures of the largest operation of a document, or of a fragment that nothing uses, each by itself: in one pass, whatever the fragments multiply to.
 * A fragment that contains itself counts once; validation refuses it.
 *
 * @throws SecurityError `LIMIT_DEPTH_EXCEEDED` where it cannot be measured within `NESTING_LIMIT`
 */
export function measureDocument(document: DocumentNode): Measures {
  const fragments = fragmentsOf(document);
  const known = new Map<string, Counts>();

  function measureFragment(name: string, level: number): Counts {
    const measured = known.get(name);
    if (measured !== undefined) return measured;
    const fragment = fragments.get(name);
    if (fragment === undefined) return NOTHING;
    known.set(name, NOTHING);
    const counts = measureSelections(fragment.selectionSet, level);
    const directives = counts.directives + (fragment.directives?.length ?? 0);
    const complete = { ...counts, directives };
    known.set(name, complete);
    return complete;
  }

  function measureSelections(selectionSet: SelectionSetNode, level: number): Counts {
    if (level > NESTING_LIMIT)
      throw new SecurityError('LIMIT_DEPTH_EXCEEDED', { detail: 'selections are nested too deeply' });
    const counts = { ...NOTHING };
    for (const selection of selectionSet.selections) {
      counts.selections += 1;
      counts.directives += selection.directives?.length ?? 0;
      if (selection.kind === Kind.FIELD) {
        counts.rootFields += 1;
        counts.aliases += Math.ceil((selection.alias?.value.length ?? 0) / ALIAS_CHARACTERS);
        const inside =
          selection.selectionSet === undefined
            ? NOTHING
            : measureSelections(selection.selectionSet, level + 1);
        add(counts, { ...inside, ...depthsOf(selection.name.value, inside), rootFields: 0 });
      } else
        add(
          counts,
          selection.kind === Kind.INLINE_FRAGMENT
            ? measureSelections(selection.selectionSet, level + 1)
            : measureFragment(selection.name.value, level + 1),
        );
    }
    counts.nesting += 1;
    return counts;
  }

  const whole = { ...NOTHING };
  for (const definition of document.definitions)
    if (definition.kind === Kind.OPERATION_DEFINITION) {
      const counts = measureSelections(definition.selectionSet, 0);
      const onVariables = (definition.variableDefinitions ?? []).reduce(
        (sum, { directives = [] }) => sum + directives.length,
        0,
      );
      const directives = counts.directives + (definition.directives?.length ?? 0) + onVariables;
      raise(whole, { ...counts, directives });
    }
  // validation traverses what nothing uses too
  for (const name of fragments.keys())
    if (!known.has(name)) raise(whole, { ...measureFragment(name, 0), rootFields: 0 });
  return whole;
}

/** To the largest of each. */
function raise(whole: { -readonly [Name in keyof Counts]: number }, to: Counts): void {
  for (const [name, value] of Object.entries(to) as [keyof Counts, number][])
    whole[name] = Math.max(whole[name], value);
}

function depthsOf(field: string, inside: Counts): Pick<Counts, 'depth' | 'introspectionDepth'> {
  const depth = Math.max(inside.depth, inside.introspectionDepth) + 1;
  return field === '__schema' || field === '__type'
    ? { depth: 0, introspectionDepth: depth }
    : { depth: inside.depth + 1, introspectionDepth: inside.introspectionDepth };
}

function add(counts: { -readonly [Name in keyof Counts]: number }, more: Counts): void {
  counts.depth = Math.max(counts.depth, more.depth);
  counts.introspectionDepth = Math.max(counts.introspectionDepth, more.introspectionDepth);
  counts.aliases += more.aliases;
  counts.directives += more.directives;
  counts.rootFields += more.rootFields;
  counts.selections += more.selections;
  counts.nesting = Math.max(counts.nesting, more.nesting);
}
