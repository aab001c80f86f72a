import { SecurityError } from '@aduana/core/errors/security-error';
import type { Needs } from '@aduana/subgraph/graphql/needs';
import {
  type FieldNode,
  getNamedType,
  type GraphQLCompositeType,
  type GraphQLOutputType,
  type GraphQLSchema,
  type InlineFragmentNode,
  isCompositeType,
  isListType,
  isNonNullType,
  isUnionType,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';
import { isTypeOrSubtype } from '../planner/type-relation.ts';
import { type Deferral, FIRST_PART, type Refusal, type Shape, type ShapeSelection } from '../stages.ts';
import type { Fragments } from './analyze-operation.ts';
import { type CollectedRefusals, createCollectedRefusals } from './collected-refusals.ts';
import { type ConditionValues, deferOf, runs } from './conditions.ts';
import {
  countSelections,
  fetchesAnything,
  keepField,
  keepFragment,
  narrowTo,
  weightOf,
} from './kept-selections.ts';
import type { SpellOut } from '../planner/planner-workarounds.ts';

export interface RewriteInput {
  readonly operation: OperationDefinitionNode;
  readonly fragments: Fragments;
  readonly schema: GraphQLSchema;
  readonly needs: Needs;
  readonly conditions: ConditionValues;
  /** Whether `@defer` is carried out. */
  readonly incremental: boolean;
  /** False where the mode refuses nothing: refusals are reported, nothing is removed. */
  readonly enforce: boolean;
  /** Whether the caller meets the numbered requirement. */
  readonly meets: (requirement: number) => boolean;
  /** What of the numbered requirement the caller lacks. */
  readonly missing: (requirement: number) => readonly string[];
  /** The key under which a field is asked for. */
  readonly dataKey: (responseKey: string, coordinate: string) => string;
  readonly spellOut: SpellOut;
}

export interface RewrittenOperation {
  readonly shape: Shape;
  /** What is left to fetch; empty where nothing is. */
  readonly selections: readonly SelectionNode[];
  readonly refusals: readonly Refusal[];
  readonly fields: readonly string[];
  readonly everythingRefused: boolean;
}

/** One pass and what it has gathered so far. */
interface Pass extends RewriteInput {
  readonly refusals: CollectedRefusals;
  readonly fields: Set<string>;
  selectionsLeft: number;
  parts: number;
  /** Of kept fields that were copied: how many selections each is with those below it. */
  readonly sizes: Map<FieldNode, number>;
}

/** What a selection set becomes: what is fetched, and what the answer looks like. */
interface Rewritten {
  readonly kept: SelectionNode[];
  readonly shape: ShapeSelection[];
}

/** Where the pass is. */
interface Place {
  readonly parent: GraphQLCompositeType;
  readonly path: readonly string[];
  /** Requirements of the fragments around it that the caller does not meet. */
  readonly unmet: readonly number[];
  /** Inside a refused field: its own refusal covers everything below it. */
  readonly belowRefusal: boolean;
  /** Of the answer. */
  readonly part: string;
}

/** How many selections a document may unfold into. */
const SELECTIONS_LIMIT = 50_000;
/** Of one answer: what else is deferred comes with what is around it. */
const PARTS_LIMIT = 20;

/**
 * One pass over an operation for one set of rights: fragments unfold, `@skip` and `@include` are carried out,
 * what the caller may not use leaves.
 *
 * @throws SecurityError `LIMIT_PLANNING_EXCEEDED` for a document that unfolds without measure
 */
export function rewriteOperation(input: RewriteInput): RewrittenOperation {
  const { operation, schema, enforce } = input;
  const root = schema.getRootType(operation.operation);
  if (!root) throw new TypeError('The operation has no root type');
  const pass: Pass = {
    ...input,
    refusals: createCollectedRefusals(input.missing),
    fields: new Set(),
    selectionsLeft: SELECTIONS_LIMIT,
    parts: 0,
    sizes: new Map(),
  };
  const { kept, shape } = rewriteSet(pass, operation.selectionSet, {
    parent: root,
    path: [],
    unmet: [],
    belowRefusal: false,
    part: FIRST_PART,
  });
  const defers = pass.parts > 0;
  return {
    shape: {
      kind: operation.operation,
      rootType: root.name,
      selections: shape,
      ...(defers && { defers }),
    },
    selections: kept.some(fetchesAnything) ? kept : [],
    refusals: pass.refusals.list(defers),
    fields: [...pass.fields],
    everythingRefused: enforce && !pass.refusals.isEmpty() && !shape.some(isAllowed),
  };
}

function rewriteSet(pass: Pass, { selections }: SelectionSetNode, place: Place): Rewritten {
  const into: Rewritten = { kept: [], shape: [] };
  const spread = new Set<string>();
  for (const selection of selections) {
    takeSelections(pass, weightOf(selection));
    if (!runs(selection, pass.conditions)) continue;
    if (selection.kind === Kind.FIELD) rewriteField(pass, into, selection, place);
    else if (selection.kind === Kind.INLINE_FRAGMENT) rewriteFragment(pass, into, selection, place);
    else if (!spread.has(selection.name.value)) {
      // What is deferred may be asked for at once as well.
      if (!pass.incremental || deferOf(selection, pass.conditions) === undefined)
        spread.add(selection.name.value);
      const fragment = pass.fragments.get(selection.name.value);
      if (fragment === undefined) continue;
      const { typeCondition, selectionSet } = fragment;
      const { directives = [] } = selection;
      rewriteFragment(
        pass,
        into,
        { kind: Kind.INLINE_FRAGMENT, typeCondition, selectionSet, directives },
        place,
      );
    }
  }
  return into;
}

/** @throws SecurityError `LIMIT_PLANNING_EXCEEDED` */
function takeSelections(pass: Pass, count: number): void {
  pass.selectionsLeft -= count;
  if (pass.selectionsLeft >= 0) return;
  throw new SecurityError('LIMIT_PLANNING_EXCEEDED', { detail: 'The document unfolds without measure' });
}

function rewriteField(pass: Pass, into: Rewritten, node: FieldNode, place: Place): void {
  const { parent, path, belowRefusal } = place;
  const name = node.name.value;
  const key = node.alias?.value ?? name;
  const coordinate = `${parent.name}.${name}`;
  const lacks = [...place.unmet, ...pass.needs.ofField(parent, name).filter((number) => !pass.meets(number))];
  if (lacks.length > 0 && !belowRefusal) pass.refusals.add([...path, key], coordinate, lacks, place.part);
  const refused = belowRefusal || (pass.enforce && lacks.length > 0);

  const type = isUnionType(parent) ? undefined : parent.getFields()[name]?.type;
  const named = type === undefined ? undefined : getNamedType(type);
  const below =
    node.selectionSet === undefined || type === undefined || !isCompositeType(named)
      ? undefined
      : {
          type: named,
          ...rewriteSet(pass, node.selectionSet, {
            parent: named,
            path: [...path, key, ...listLevels(type)],
            unmet: [],
            belowRefusal: refused,
            part: place.part,
          }),
        };
  const dataKey = pass.dataKey(key, coordinate);
  into.shape.push({ kind: 'field', key, dataKey, name, node, refused, selections: below?.shape ?? [] });
  if (refused || name === '__schema' || name === '__type') return;
  if (name !== '__typename') pass.fields.add(coordinate);
  into.kept.push(keepField(node, dataKey, below));
}

function rewriteFragment(pass: Pass, into: Rewritten, node: InlineFragmentNode, place: Place): void {
  const condition = node.typeCondition?.name.value;
  const type = condition === undefined ? place.parent : pass.schema.getType(condition);
  if (!isCompositeType(type)) return;
  const lacks =
    condition === undefined ? [] : pass.needs.ofType(condition).filter((number) => !pass.meets(number));
  const defer = openPart(pass, node, place);
  const inner = rewriteSet(pass, node.selectionSet, {
    ...place,
    parent: type,
    unmet: [...place.unmet, ...lacks],
    part: defer?.part ?? place.part,
  });
  if (inner.shape.length > 0)
    into.shape.push({
      kind: 'fragment',
      on: type.name,
      selections: inner.shape,
      ...(defer && { defer }),
    });
  if (inner.kept.length === 0) return;
  const types = pass.spellOut(place.parent.name, type.name);
  if (types === undefined)
    into.kept.push(...keepFragment(node, type.name, place.parent, inner.kept, defer?.part));
  for (const name of types ?? []) {
    const own = narrowTo(inner.kept, (wider) => isTypeOrSubtype(pass.schema, name, wider));
    takeSelections(pass, countSelections(own, pass.sizes));
    if (own.length > 0) into.kept.push(...keepFragment(node, name, place.parent, own, defer?.part));
  }
}

/** The part that a fragment is deferred to. The root of a mutation runs in its order, and so at once. */
function openPart(pass: Pass, node: InlineFragmentNode, { path }: Place): Deferral | undefined {
  if (!pass.incremental || pass.parts === PARTS_LIMIT) return undefined;
  const { operation } = pass.operation;
  if (
    operation !== OperationTypeNode.QUERY &&
    (path.length === 0 || operation !== OperationTypeNode.MUTATION)
  )
    return undefined;
  const defer = deferOf(node, pass.conditions);
  if (defer === undefined) return undefined;
  pass.parts += 1;
  return { part: `p${String(pass.parts)}`, label: defer.label };
}

function isAllowed(selection: ShapeSelection): boolean {
  return selection.kind === 'field' ? !selection.refused : selection.selections.some(isAllowed);
}

function listLevels(type: GraphQLOutputType): string[] {
  if (isNonNullType(type)) return listLevels(type.ofType);
  return isListType(type) ? ['@', ...listLevels(type.ofType)] : [];
}
