import {
  type FieldNode,
  getNamedType,
  type GraphQLOutputType,
  type GraphQLSchema,
  isCompositeType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type SelectionNode,
} from 'graphql';
import type { FetchStep } from './compile-plan.ts';
import { isTypeOrSubtype } from './type-relation.ts';

/** One kind of place in the answer: all objects under the same fields, in whichever list they lie. */
export interface Position {
  readonly id: number;
  readonly typeName: string;
  /** The fetch whose answer holds the objects; undefined at the root, where each root fetch has its own. */
  readonly owner: FetchStep | undefined;
  /** From an object that the owner answered down to here: fields, and null for the elements of a list. */
  readonly way: readonly (string | null)[];
  /** Fetches that add to the objects here, in plan order: entity fetches, at the root the root fetches. */
  readonly additions: FetchStep[];
  /** Which fetches bring a leaf, in plan order. */
  readonly leaves: Map<string, FetchStep[]>;
  readonly children: Map<string, Position>;
}

/**
 * Finds out which fetch brings each part of the answer. Undefined where that is not one fetch, known beforehand: then
 * the answer has to be merged as data.
 */
export function answerPositions(
  schema: GraphQLSchema,
  steps: readonly FetchStep[],
): readonly Position[] | undefined {
  const query = schema.getQueryType();
  if (!query) return undefined;
  const positions: Position[] = [];
  const open = (
    typeName: string,
    owner: FetchStep | undefined,
    way: readonly (string | null)[],
  ): Position => {
    const position: Position = {
      id: positions.length, typeName, owner, way, additions: [], leaves: new Map(), children: new Map(),
    }; // prettier-ignore
    positions.push(position);
    return position;
  };
  const root = open(query.name, undefined, []);
  const fits = steps.every((step) => {
    if (step.operationKind !== 'query' || isRewritten(step)) return false;
    const anchor = findAnchor(root, step);
    if (anchor === undefined || (step.requires === undefined) !== (anchor === root)) return false;
    anchor.additions.push(step);
    return addSelections({ schema, step, open }, anchor, step.selections);
  });
  return fits ? positions : undefined;
}

function isRewritten({ inputRewrites, outputRewrites, contextRewrites, path }: FetchStep): boolean {
  const rewritten = [inputRewrites, outputRewrites, contextRewrites].some((list) => list !== undefined);
  return rewritten || path.some(({ types }) => types !== undefined);
}

function findAnchor(root: Position, { path }: FetchStep): Position | undefined {
  let position = root;
  let lists = 0;
  for (const { field } of path) {
    if (field === undefined) {
      lists -= 1;
      continue;
    }
    if (lists !== 0) return undefined;
    const child = position.children.get(field);
    if (child === undefined) return undefined;
    position = child;
    lists = listsAbove(position);
  }
  return lists === 0 ? position : undefined;
}

/** How many lists lie between the last field of the way and the objects. */
function listsAbove({ way }: Position): number {
  return way.length - 1 - way.findLastIndex((key) => key !== null);
}

interface Adding {
  readonly schema: GraphQLSchema;
  readonly step: FetchStep;
  readonly open: (typeName: string, owner: FetchStep, way: readonly (string | null)[]) => Position;
}

function addSelections(adding: Adding, position: Position, selections: readonly SelectionNode[]): boolean {
  return selections.every((node) => {
    if ((node.directives ?? []).length > 0) return false;
    if (node.kind === Kind.FIELD) return addField(adding, position, node);
    const condition = node.kind === Kind.INLINE_FRAGMENT ? node.typeCondition?.name.value : undefined;
    if (node.kind === Kind.FRAGMENT_SPREAD) return false;
    if (condition !== undefined && !isTypeOrSubtype(adding.schema, position.typeName, condition)) return true;
    return addSelections(adding, position, node.selectionSet.selections);
  });
}

function addField(adding: Adding, position: Position, node: FieldNode): boolean {
  const { step, schema, open } = adding;
  const key = node.alias?.value ?? node.name.value;
  if (node.selectionSet === undefined) {
    const steps = position.leaves.get(key);
    if (steps === undefined) position.leaves.set(key, [step]);
    else if (!steps.includes(step)) steps.push(step);
    return !position.children.has(key);
  }
  const parent = schema.getType(position.typeName);
  const type = isObjectType(parent) ? parent.getFields()[node.name.value]?.type : undefined;
  const named = type === undefined ? undefined : getNamedType(type);
  if (type === undefined || !isCompositeType(named) || !isObjectType(named)) return false;
  let child = position.children.get(key);
  if (child === undefined) {
    const base = position.additions.includes(step) ? [] : position.way;
    child = open(named.name, step, [...base, key, ...listLevels(type)]);
    position.children.set(key, child);
  }
  return (
    child.owner === step &&
    !position.leaves.has(key) &&
    addSelections(adding, child, node.selectionSet.selections)
  );
}

function listLevels(type: GraphQLOutputType): null[] {
  if (isNonNullType(type)) return listLevels(type.ofType);
  return isListType(type) ? [null, ...listLevels(type.ofType)] : [];
}
