import {
  type DirectiveNode,
  type FieldNode,
  type GraphQLCompositeType,
  type InlineFragmentNode,
  isAbstractType,
  Kind,
  type SelectionNode,
} from 'graphql';
import { withoutConditions } from './conditions.ts';

const TYPENAME: FieldNode = { kind: Kind.FIELD, name: { kind: Kind.NAME, value: '__typename' } };

/** What one selection may have as its alias, arguments and directives before it counts as several. */
const SELECTION_CHARACTERS = 100;

/** A field that is fetched, with what is left below it. */
export function keepField(
  node: FieldNode,
  dataKey: string,
  below: { readonly type: GraphQLCompositeType; readonly kept: readonly SelectionNode[] } | undefined,
): FieldNode {
  const directives = withoutConditions(node.directives);
  return {
    kind: Kind.FIELD,
    ...(dataKey !== node.name.value && { alias: { kind: Kind.NAME, value: dataKey } }),
    name: node.name,
    ...(node.arguments !== undefined && node.arguments.length > 0 && { arguments: node.arguments }),
    ...(directives.length > 0 && { directives }),
    ...(below !== undefined && {
      selectionSet: { kind: Kind.SELECTION_SET, selections: complete(below.kept, below.type) },
    }),
  };
}

/**
 * What is left of a fragment on `type` under `parent`: its selections alone where the fragment itself changes nothing.
 *
 * @param part of the answer that it is deferred to
 */
export function keepFragment(
  node: InlineFragmentNode,
  type: string,
  parent: GraphQLCompositeType,
  selections: readonly SelectionNode[],
  part?: string,
): readonly SelectionNode[] {
  const directives = [...withoutConditions(node.directives), ...deferTo(part)];
  if (type === parent.name && directives.length === 0) return selections;
  return [
    {
      kind: Kind.INLINE_FRAGMENT,
      typeCondition: { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: type } },
      ...(directives.length > 0 && { directives }),
      selectionSet: { kind: Kind.SELECTION_SET, selections },
    },
  ];
}

function deferTo(part: string | undefined): readonly DirectiveNode[] {
  if (part === undefined) return [];
  const name = (value: string) => ({ kind: Kind.NAME, value }) as const;
  const label = {
    kind: Kind.ARGUMENT,
    name: name('label'),
    value: { kind: Kind.STRING, value: part },
  } as const;
  return [{ kind: Kind.DIRECTIVE, name: name('defer'), arguments: [label] }];
}

/** What of kept selections is for objects of one type, which lies within the type conditions that `isWithin` holds for. */
export function narrowTo(
  selections: readonly SelectionNode[],
  isWithin: (condition: string) => boolean,
): readonly SelectionNode[] {
  return selections.flatMap((selection): SelectionNode[] => {
    if (selection.kind !== Kind.INLINE_FRAGMENT) return [selection];
    const condition = selection.typeCondition?.name.value;
    if (condition !== undefined && !isWithin(condition)) return [];
    const inner = narrowTo(selection.selectionSet.selections, isWithin);
    return inner.length === 0
      ? []
      : [{ ...selection, selectionSet: { ...selection.selectionSet, selections: inner } }];
  });
}

/**
 * How many selections are printed, those below others included; one with long text counts as several.
 *
 * @param known of fields: copies share them, so each is counted once
 */
export function countSelections(selections: readonly SelectionNode[], known: Map<FieldNode, number>): number {
  return selections.reduce((total, selection) => {
    if (selection.kind === Kind.FRAGMENT_SPREAD) return total + weightOf(selection);
    const below = selection.selectionSet?.selections ?? [];
    if (selection.kind === Kind.INLINE_FRAGMENT)
      return total + weightOf(selection) + countSelections(below, known);
    const count = known.get(selection) ?? weightOf(selection) + countSelections(below, known);
    known.set(selection, count);
    return total + count;
  }, 0);
}

/** One, and more for long text of its own. */
export function weightOf(selection: SelectionNode): number {
  const { alias, arguments: given = [] }: Pick<FieldNode, 'alias' | 'arguments'> =
    selection.kind === Kind.FIELD ? selection : {};
  const characters = [...given, ...(selection.directives ?? [])].reduce(
    (total, { loc }) => total + (loc === undefined ? 0 : loc.end - loc.start),
    alias?.value.length ?? 0,
  );
  return 1 + Math.floor(characters / SELECTION_CHARACTERS);
}

/** Whether a root selection asks a subgraph for anything: `__typename` of a root is known without. */
export function fetchesAnything(selection: SelectionNode): boolean {
  if (selection.kind === Kind.FIELD) return selection.name.value !== '__typename';
  return selection.kind === Kind.INLINE_FRAGMENT && selection.selectionSet.selections.some(fetchesAnything);
}

/**
 * An emptied selection still has to find out whether its object is there, and one on an abstract type which type the object
 * has. So does one with fragments: Apollo's executor has no other way to apply them.
 */
function complete(kept: readonly SelectionNode[], type: GraphQLCompositeType): readonly SelectionNode[] {
  const needsType =
    kept.length === 0 || isAbstractType(type) || kept.some(({ kind }) => kind === Kind.INLINE_FRAGMENT);
  return needsType && !kept.some(isTypename) ? [TYPENAME, ...kept] : kept;
}

function isTypename(selection: SelectionNode): boolean {
  return (
    selection.kind === Kind.FIELD && selection.name.value === '__typename' && selection.alias === undefined
  );
}
