import {
  type FieldNode,
  type GraphQLCompositeType,
  type InlineFragmentNode,
  isAbstractType,
  Kind,
  type SelectionNode,
} from 'graphql';
import { withoutConditions } from './conditions.ts';

const TYPENAME: FieldNode = { kind: Kind.FIELD, name: { kind: Kind.NAME, value: '__typename' } };

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

export function keepFragment(
  node: InlineFragmentNode,
  on: string,
  selections: readonly SelectionNode[],
): InlineFragmentNode {
  const directives = withoutConditions(node.directives);
  return {
    kind: Kind.INLINE_FRAGMENT,
    typeCondition: { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: on } },
    ...(directives.length > 0 && { directives }),
    selectionSet: { kind: Kind.SELECTION_SET, selections },
  };
}

/** Whether a root selection asks a subgraph for anything: `__typename` of a root is known without. */
export function fetchesAnything(selection: SelectionNode): boolean {
  if (selection.kind === Kind.FIELD) return selection.name.value !== '__typename';
  return selection.kind === Kind.INLINE_FRAGMENT && selection.selectionSet.selections.some(fetchesAnything);
}

/** An emptied selection still has to tell that its object is there, an abstract one which type it is. */
function complete(kept: readonly SelectionNode[], type: GraphQLCompositeType): readonly SelectionNode[] {
  return kept.length === 0 || isAbstractType(type) ? [TYPENAME, ...kept] : kept;
}
