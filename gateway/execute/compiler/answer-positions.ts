/** Execute, compiler, analysis: which fetch brings which part of the answer. */

import {
  type FieldNode,
  getNamedType,
  type GraphQLCompositeType,
  type GraphQLOutputType,
  type GraphQLSchema,
  isCompositeType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type SelectionNode,
} from 'graphql';
import type { FetchStep } from '../shared/plan-steps.ts';
import { subgraphsOfInterfaceObjects } from '../../planner/interface-objects.ts';
import { isTypeOrSubtype } from '../../planner/type-relation.ts';
import { renamedType } from './typename-rewrites.ts';

/** What is brought for the objects of one type at a position. */
export interface Variant {
  /** How fetches may call it: by its type, or by an interface that their subgraph has as an object. */
  readonly names: readonly string[];
  /** Which fetches bring a leaf, in plan order. */
  readonly leaves: Map<string, FetchStep[]>;
  readonly children: Map<string, Position>;
}

/** One kind of place in the answer: all objects under the same fields, in whichever list they lie. */
export interface Position {
  readonly id: number;
  /** Of an object type, an interface or a union. */
  readonly typeName: string;
  /** By the types that the objects may have: one where `typeName` is an object type. */
  readonly variants: ReadonlyMap<string, Variant>;
  /**
   * The interface by which the owner calls objects whose types it does not know (`@interfaceObject`): a variant too, until
   * another fetch brings the type.
   */
  readonly interfaceObject: string | undefined;
  /**
   * Whether what lies here depends on the types of objects: then places are distinguished by the objects themselves, where
   * otherwise counting them is enough.
   */
  readonly mixed: boolean;
  /** The fetch whose answer holds the objects; undefined at the root, where each root fetch has its own. */
  readonly owner: FetchStep | undefined;
  /** From an object that the owner answered down to here: fields, and null for the elements of a list. */
  readonly way: readonly (string | null)[];
  /** Fetches that add to the objects here, in plan order: entity fetches, at the root the root fetches. */
  readonly additions: FetchStep[];
}

/** Code is generated for each type of an interface that its objects may have. */
const MOST_TYPES = 32;

/**
 * Finds out which fetch brings each part of the answer. Undefined where that is not one fetch, known beforehand: then
 * the answer has to be merged as data.
 */
export function answerPositions(
  schema: GraphQLSchema,
  steps: readonly FetchStep[],
): readonly Position[] | undefined {
  const isMutation = steps[0]?.operationKind === 'mutation';
  const rootType = isMutation ? schema.getMutationType() : schema.getQueryType();
  if (!rootType) return undefined;
  const positions: Position[] = [];
  const objects = subgraphsOfInterfaceObjects(schema);
  const open: Adding['open'] = (type, place) => {
    const types = namesOfTypes(schema, type);
    const { subgraph = '' } = place.owner ?? {};
    const interfaceNames = isObjectType(type)
      ? []
      : [...objects].flatMap(([name, subgraphs]) =>
          subgraphs.has(subgraph) && isRelated(schema, name, type) ? [name] : [],
        );
    const [only] = interfaceNames;
    if (types.length > MOST_TYPES || interfaceNames.length > 1 || (only !== undefined && only !== type.name))
      return undefined;
    const variants = new Map(
      [...types, ...interfaceNames].map((name): [string, Variant] => {
        const also = [...objects.keys()].filter((one) => one !== name && isTypeOrSubtype(schema, name, one));
        const names = [name, ...also];
        return [name, { names, leaves: new Map(), children: new Map() }];
      }),
    );
    const position: Position = {
      ...place,
      id: positions.length,
      typeName: type.name,
      variants,
      interfaceObject: only,
      mixed: place.mixed || !isObjectType(type),
      additions: [],
    };
    positions.push(position);
    return position;
  };
  const root = open(rootType, { owner: undefined, way: [], mixed: false });
  if (root === undefined) return undefined;
  const fits = steps.every((step) => {
    const asksRoot = step.requires === undefined;
    if ((step.operationKind === 'mutation') !== (isMutation && asksRoot) || !isPlain(step)) return false;
    const anchor = findAnchor(root, step);
    if (anchor === undefined || asksRoot !== (anchor === root)) return false;
    anchor.additions.push(step);
    return addSelections({ schema, step, open }, anchor, [...anchor.variants.keys()], step.selections);
  });
  return fits ? positions : undefined;
}

/** Whether nothing is rewritten but the type that representations are said to be of. */
function isPlain({ inputRewrites = [], outputRewrites, contextRewrites, path }: FetchStep): boolean {
  const rewritten = outputRewrites !== undefined || contextRewrites !== undefined;
  return (
    !rewritten &&
    inputRewrites.every((rewrite) => renamedType(rewrite) !== undefined) &&
    path.every(({ types }) => types === undefined)
  );
}

function namesOfTypes(schema: GraphQLSchema, type: GraphQLCompositeType): readonly string[] {
  return isObjectType(type) ? [type.name] : schema.getPossibleTypes(type).map(({ name }) => name);
}

/** Whether an object may be of both. */
function isRelated(schema: GraphQLSchema, one: string, other: GraphQLCompositeType): boolean {
  const type = schema.getType(one);
  if (!isInterfaceType(type)) return false;
  const types = new Set(namesOfTypes(schema, other));
  return namesOfTypes(schema, type).some((name) => types.has(name));
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
    const child = childOf(position, field);
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

/** All types have the same position under a key, as far as they have one. */
export function childOf({ variants }: Position, key: string): Position | undefined {
  for (const { children } of variants.values()) {
    const child = children.get(key);
    if (child !== undefined) return child;
  }
  return undefined;
}

interface Adding {
  readonly schema: GraphQLSchema;
  readonly step: FetchStep;
  /** Undefined for a type whose objects are too many kinds, or of no kind that is known. */
  readonly open: (
    type: GraphQLCompositeType,
    place: Pick<Position, 'owner' | 'way' | 'mixed'>,
  ) => Position | undefined;
}

/** @param types of the position's objects for which the selections are */
function addSelections(
  adding: Adding,
  position: Position,
  types: readonly string[],
  selections: readonly SelectionNode[],
): boolean {
  return selections.every((node) => {
    if ((node.directives ?? []).length > 0 || node.kind === Kind.FRAGMENT_SPREAD) return false;
    if (node.kind === Kind.FIELD) return addField(adding, position, types, node);
    const condition = node.typeCondition?.name.value;
    const held =
      condition === undefined
        ? types
        : types.filter((type) => isTypeOrSubtype(adding.schema, type, condition));
    return addSelections(adding, position, held, node.selectionSet.selections);
  });
}

function addField(adding: Adding, position: Position, types: readonly string[], node: FieldNode): boolean {
  const key = node.alias?.value ?? node.name.value;
  const variants = types.flatMap((type) => position.variants.get(type) ?? []);
  if (node.selectionSet === undefined)
    return variants.every(({ leaves, children }) => {
      const steps = leaves.get(key);
      if (steps === undefined) leaves.set(key, [adding.step]);
      else if (!steps.includes(adding.step)) steps.push(adding.step);
      return !children.has(key);
    });
  const [first] = types;
  if (first === undefined) return true;
  const child = childOf(position, key) ?? openChild(adding, position, first, node);
  if (child === undefined || child.owner !== adding.step) return false;
  const fits = types.every((type) => isWhatTypeHas(adding, child, type, node));
  for (const { children } of variants) children.set(key, child);
  return (
    fits &&
    variants.every(({ leaves }) => !leaves.has(key)) &&
    addSelections(adding, child, [...child.variants.keys()], node.selectionSet.selections)
  );
}

function openChild(
  { schema, step, open }: Adding,
  position: Position,
  parent: string,
  { alias, name }: FieldNode,
): Position | undefined {
  const type = fieldType(schema, parent, name.value);
  const named = getNamedType(type);
  if (type === undefined || !isCompositeType(named)) return undefined;
  const base = position.additions.includes(step) ? [] : position.way;
  const way = [...base, (alias ?? name).value, ...listLevels(type)];
  return open(named, { owner: step, way, mixed: position.mixed });
}

/** Where types have other types or lists under one key, the answer has to be merged as data. */
function isWhatTypeHas({ schema }: Adding, child: Position, parent: string, { name }: FieldNode): boolean {
  const type = fieldType(schema, parent, name.value);
  if (type === undefined || getNamedType(type).name !== child.typeName) return false;
  return listLevels(type).length === listsAbove(child);
}

function fieldType(schema: GraphQLSchema, parent: string, name: string): GraphQLOutputType | undefined {
  const type = schema.getType(parent);
  return isObjectType(type) || isInterfaceType(type) ? type.getFields()[name]?.type : undefined;
}

function listLevels(type: GraphQLOutputType): null[] {
  if (isNonNullType(type)) return listLevels(type.ofType);
  return isListType(type) ? [null, ...listLevels(type.ofType)] : [];
}
