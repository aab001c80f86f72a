import { SecurityError } from '@aduana/core/errors/security-error';
import {
  type FieldNode,
  getNamedType,
  type GraphQLCompositeType,
  type GraphQLOutputType,
  type GraphQLSchema,
  type InlineFragmentNode,
  isAbstractType,
  isCompositeType,
  isListType,
  isNonNullType,
  isUnionType,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';
import type { Refusal, Shape, ShapeSelection } from '../stages.ts';
import type { Fragments } from './analyze-operation.ts';
import { type ConditionValues, runs, withoutConditions } from './conditions.ts';
import type { Needs } from './needs.ts';

export interface RewriteInput {
  readonly operation: OperationDefinitionNode;
  readonly fragments: Fragments;
  readonly schema: GraphQLSchema;
  readonly needs: Needs;
  readonly conditions: ConditionValues;
  /** False where the mode refuses nothing: refusals are told, nothing is removed. */
  readonly enforce: boolean;
  /** Whether the caller meets the numbered requirement. */
  readonly meets: (requirement: number) => boolean;
  /** What of the numbered requirement the caller lacks. */
  readonly missing: (requirement: number) => readonly string[];
  /** The key under which a field is asked for. */
  readonly dataKey: (responseKey: string, coordinate: string) => string;
}

export interface RewrittenOperation {
  readonly shape: Shape;
  /** What is left to fetch; empty where nothing is. */
  readonly selections: readonly SelectionNode[];
  readonly refusals: readonly Refusal[];
  readonly fields: readonly string[];
  readonly everythingRefused: boolean;
}

/** What a selection set becomes: what is fetched, and what the answer looks like. */
interface Rewritten {
  readonly kept: SelectionNode[];
  readonly shape: ShapeSelection[];
}

/** Where the walk is. */
interface Place {
  readonly parent: GraphQLCompositeType;
  readonly path: readonly string[];
  /** Requirements of the refused fragments around it that the caller does not meet. */
  readonly unmet: readonly number[];
  /** Inside a refused field, whose own refusal tells all. */
  readonly belowRefusal: boolean;
}

/** How many selections a document may unfold into. */
const SELECTIONS_LIMIT = 50_000;
const TYPENAME: FieldNode = { kind: Kind.FIELD, name: { kind: Kind.NAME, value: '__typename' } };

/**
 * One pass over an operation for one set of rights: fragments unfold, `@skip` and `@include` are carried out,
 * what the caller may not use leaves.
 *
 * @throws SecurityError `LIMIT_PLANNING_EXCEEDED` for a document that unfolds without measure
 */
export function rewriteOperation(input: RewriteInput): RewrittenOperation {
  const { operation, fragments, schema, needs, conditions, enforce, meets, missing, dataKey } = input;
  const refusals = new Map<string, Refusal>();
  const fields = new Set<string>();
  let budget = SELECTIONS_LIMIT;

  const root = schema.getRootType(operation.operation);
  if (!root) throw new TypeError('The operation has no root type');
  const { kept, shape } = walk(operation.selectionSet, {
    parent: root,
    path: [],
    unmet: [],
    belowRefusal: false,
  });
  return {
    shape: { kind: operation.operation, rootType: root.name, selections: shape },
    selections: kept.some((selection) => fetches(selection)) ? kept : [],
    refusals: [...refusals.values()],
    fields: [...fields],
    everythingRefused: refusals.size > 0 && enforce && !shape.some(isAllowed),
  };

  function walk(set: SelectionSetNode, place: Place): Rewritten {
    const into: Rewritten = { kept: [], shape: [] };
    const spread = new Set<string>();
    for (const selection of set.selections) {
      budget -= 1;
      if (budget < 0)
        throw new SecurityError('LIMIT_PLANNING_EXCEEDED', { detail: 'unfolds without measure' });
      if (!runs(selection, conditions)) continue;
      if (selection.kind === Kind.FIELD) addField(into, selection, place);
      else if (selection.kind === Kind.INLINE_FRAGMENT) addFragment(into, selection, place);
      else addSpread(into, selection.name.value, spread, selection.directives, place);
    }
    return into;
  }

  function addField(into: Rewritten, node: FieldNode, { parent, path, unmet, belowRefusal }: Place): void {
    const name = node.name.value;
    const key = node.alias?.value ?? name;
    const lacks = [...unmet, ...needs.ofField(parent, name).filter((number) => !meets(number))];
    const coordinate = `${parent.name}.${name}`;
    if (lacks.length > 0 && !belowRefusal) note([...path, key], coordinate, lacks);
    const refused = belowRefusal || (enforce && lacks.length > 0);
    const type = name.startsWith('__') || isUnionType(parent) ? undefined : parent.getFields()[name]?.type;
    const below = type === undefined ? undefined : compositeOf(type);
    const inner =
      node.selectionSet === undefined || below === undefined || type === undefined
        ? undefined
        : walk(node.selectionSet, {
            parent: below,
            path: [...path, key, ...listLevels(type)],
            unmet: [],
            belowRefusal: refused,
          });
    const fetched = dataKey(key, coordinate);
    into.shape.push({
      kind: 'field',
      key,
      dataKey: fetched,
      name,
      node,
      refused,
      selections: inner?.shape ?? [],
    });
    if (refused || name === '__schema' || name === '__type') return;
    if (name !== '__typename') fields.add(coordinate);
    into.kept.push(keepField(node, fetched, below, inner));
  }

  function addSpread(
    into: Rewritten,
    name: string,
    spread: Set<string>,
    directives: InlineFragmentNode['directives'],
    place: Place,
  ): void {
    const fragment = fragments.get(name);
    if (fragment === undefined || spread.has(name)) return;
    spread.add(name);
    const { typeCondition, selectionSet } = fragment;
    addFragment(
      into,
      { kind: Kind.INLINE_FRAGMENT, typeCondition, selectionSet, ...(directives && { directives }) },
      place,
    );
  }

  function addFragment(into: Rewritten, node: InlineFragmentNode, place: Place): void {
    const condition = node.typeCondition?.name.value;
    const type = condition === undefined ? place.parent : schema.getType(condition);
    if (!isCompositeType(type)) return;
    const lacks = condition === undefined ? [] : needs.ofType(condition).filter((number) => !meets(number));
    const inner = walk(node.selectionSet, { ...place, parent: type, unmet: [...place.unmet, ...lacks] });
    if (inner.shape.length > 0) into.shape.push({ kind: 'fragment', on: type.name, selections: inner.shape });
    if (inner.kept.length === 0) return;
    const directives = withoutConditions(node.directives);
    into.kept.push({
      kind: Kind.INLINE_FRAGMENT,
      typeCondition: { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: type.name } },
      ...(directives.length > 0 && { directives }),
      selectionSet: { kind: Kind.SELECTION_SET, selections: inner.kept },
    });
  }

  function note(path: readonly string[], coordinate: string, lacks: readonly number[]): void {
    const at = path.join('.');
    if (refusals.has(at)) return;
    refusals.set(at, { path, coordinate, missing: [...new Set(lacks.flatMap(missing))] });
  }
}

function keepField(
  node: FieldNode,
  fetched: string,
  below: GraphQLCompositeType | undefined,
  inner: Rewritten | undefined,
): FieldNode {
  const directives = withoutConditions(node.directives);
  return {
    kind: Kind.FIELD,
    ...(fetched !== node.name.value && { alias: { kind: Kind.NAME, value: fetched } }),
    name: node.name,
    ...(node.arguments !== undefined && node.arguments.length > 0 && { arguments: node.arguments }),
    ...(directives.length > 0 && { directives }),
    ...(inner !== undefined && {
      selectionSet: { kind: Kind.SELECTION_SET, selections: complete(inner.kept, below) },
    }),
  };
}

/** An emptied selection still has to tell that its object is there, an abstract one which type it is. */
function complete(kept: SelectionNode[], type: GraphQLCompositeType | undefined): SelectionNode[] {
  return kept.length === 0 || (type !== undefined && isAbstractType(type)) ? [TYPENAME, ...kept] : kept;
}

/** `__typename` of a root is known without asking anybody. */
function fetches(selection: SelectionNode): boolean {
  if (selection.kind === Kind.FIELD) return selection.name.value !== '__typename';
  return selection.kind === Kind.INLINE_FRAGMENT && selection.selectionSet.selections.some(fetches);
}

function isAllowed(selection: ShapeSelection): boolean {
  return selection.kind === 'field' ? !selection.refused : selection.selections.some(isAllowed);
}

function compositeOf(type: GraphQLOutputType): GraphQLCompositeType | undefined {
  const named = getNamedType(type);
  return isCompositeType(named) ? named : undefined;
}

function listLevels(type: GraphQLOutputType): string[] {
  if (isNonNullType(type)) return listLevels(type.ofType);
  return isListType(type) ? ['@', ...listLevels(type.ofType)] : [];
}
