/**
 * Execute, before the first fetch: which fields each object of the answer has, in which order, by the type it
 * turns out to have.
 */

import {
  getNamedType,
  type GraphQLAbstractType,
  type GraphQLCompositeType,
  type GraphQLOutputType,
  type GraphQLSchema,
  isAbstractType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
  TypeNameMetaFieldDef,
} from 'graphql';
import type { Deferral, Shape, ShapeField, ShapeSelection } from '../../stages.ts';
import { isTypeOrSubtype } from '../../planner/type-relation.ts';

/** The fields of the answer for one runtime type, in the order of the specification (GraphQL section 6.3.2). */
export interface ObjectShape {
  readonly typeName: string;
  readonly fields: readonly FieldShape[];
  /** What of it comes later; undefined where everything comes at once. */
  readonly deferred?: readonly DeferredShape[] | undefined;
}

/** What comes later of an object. */
export interface DeferredShape {
  readonly defer: Deferral;
  readonly shape: ObjectShape;
}

/** One response key of an object. */
export interface FieldShape {
  readonly key: string;
  /** The key in the fetched data. */
  readonly dataKey: string;
  readonly name: string;
  readonly type: GraphQLOutputType;
  /** The caller may not have it: null, whatever was fetched. */
  readonly refused: boolean;
  /** Of a composite type. */
  readonly children: CompositeShape | undefined;
}

/** What is selected on a composite type, by the runtime type of the object at hand. */
export interface CompositeShape {
  readonly type: GraphQLCompositeType;
  /** What all shapes are of: composites of one type and the same selections are alike. */
  readonly selections: readonly ShapeSelection[];
  /** Undefined where the type is not possible here. */
  forType(typeName: string): ObjectShape | undefined;
  /** The shapes of every type that is possible here. */
  forEveryType(): readonly ObjectShape[];
}

/** The types that shapes are made of, as clients see them. */
export interface ShapeSchema {
  readonly apiSchema: GraphQLSchema;
  /** Names of interfaces that some subgraph knows as an object type. */
  readonly interfaceObjects: ReadonlySet<string>;
  /** Whether deferred fields become shapes of their own; by default they belong to the object as the others do. */
  readonly splitsDeferred?: boolean;
}

const META_FIELDS = [TypeNameMetaFieldDef, SchemaMetaFieldDef, TypeMetaFieldDef];

/** Resolves the shape of an operation against the API schema, type by type, as the types turn up. */
export function createResponseShape(schema: ShapeSchema, shape: Shape): ObjectShape {
  return collectFields(schema, shape.rootType, shape.selections);
}

function collectFields(
  schema: ShapeSchema,
  typeName: string,
  selections: readonly ShapeSelection[],
): ObjectShape {
  const collected: CollectedFields = { groups: new Map(), deferred: [] };
  groupFields(schema, typeName, selections, collected);
  const fields = [...collected.groups.values()].map((group) => createField(schema, typeName, group));
  if (collected.deferred.length === 0) return { typeName, fields };
  const deferred = collected.deferred.map(({ defer, selections: own }) => ({
    defer,
    shape: collectFields(schema, typeName, own),
  }));
  return { typeName, fields, deferred };
}

interface DeferredSelections {
  readonly defer: Deferral;
  readonly selections: readonly ShapeSelection[];
}

interface CollectedFields {
  /** By response key. */
  readonly groups: Map<string, ShapeField[]>;
  readonly deferred: DeferredSelections[];
}

function groupFields(
  schema: ShapeSchema,
  typeName: string,
  selections: readonly ShapeSelection[],
  into: CollectedFields,
): void {
  const { groups, deferred } = into;
  for (const selection of selections) {
    if (selection.kind === 'fragment') {
      if (!isTypeOrSubtype(schema.apiSchema, typeName, selection.on)) continue;
      const { defer, selections: own } = selection;
      if (schema.splitsDeferred === true && defer !== undefined) deferred.push({ defer, selections: own });
      else groupFields(schema, typeName, own, into);
      continue;
    }
    const group = groups.get(selection.key);
    if (group === undefined) groups.set(selection.key, [selection]);
    else group.push(selection);
  }
}

function createField(schema: ShapeSchema, typeName: string, group: readonly ShapeField[]): FieldShape {
  const granted = group.filter(({ refused }) => !refused);
  const [first] = granted.length === 0 ? group : granted;
  const type = first === undefined ? undefined : fieldType(schema.apiSchema, typeName, first.name);
  if (first === undefined || type === undefined) throw new TypeError('The shape does not fit the schema');
  const named = getNamedType(type);
  return {
    key: first.key,
    dataKey: first.dataKey,
    name: first.name,
    type,
    refused: granted.length === 0,
    children:
      granted.length > 0 && isCompositeType(named)
        ? createComposite(
            schema,
            named,
            group.flatMap(({ selections }) => selections),
          )
        : undefined,
  };
}

function fieldType(schema: GraphQLSchema, typeName: string, name: string): GraphQLOutputType | undefined {
  const meta = META_FIELDS.find((field) => field.name === name);
  if (meta !== undefined) return meta.type;
  const type = schema.getType(typeName);
  return isObjectType(type) || isInterfaceType(type) ? type.getFields()[name]?.type : undefined;
}

function createComposite(
  schema: ShapeSchema,
  type: GraphQLCompositeType,
  selections: readonly ShapeSelection[],
): CompositeShape {
  const known = new Map<string, ObjectShape>();
  const forType = (typeName: string): ObjectShape | undefined => {
    const cached = known.get(typeName);
    if (cached !== undefined || !isPossible(schema, type, typeName)) return cached;
    const shape = collectFields(schema, typeName, selections);
    const abstract = schema.apiSchema.getType(typeName);
    if (
      isAbstractType(abstract) &&
      (shape.fields.some(asksForType) || dependsOnType(schema.apiSchema, abstract, selections))
    )
      return undefined;
    known.set(typeName, shape);
    return shape;
  };
  const names = isAbstractType(type)
    ? [...schema.apiSchema.getPossibleTypes(type).map(({ name }) => name), type.name]
    : [type.name];
  return {
    type,
    selections,
    forType,
    forEveryType: () => names.map(forType).filter((shape) => shape !== undefined),
  };
}

/** An object whose type only a subgraph that has the interface knows goes by the interface's own name. */
function isPossible(
  { apiSchema, interfaceObjects }: ShapeSchema,
  type: GraphQLCompositeType,
  typeName: string,
): boolean {
  if (isAbstractType(apiSchema.getType(typeName)))
    return interfaceObjects.has(typeName) && isTypeOrSubtype(apiSchema, typeName, type.name);
  return isObjectType(apiSchema.getType(typeName)) && isTypeOrSubtype(apiSchema, typeName, type.name);
}

/** Whether something is selected for some of the types alone: an object of an unknown type has no such answer. */
function dependsOnType(
  apiSchema: GraphQLSchema,
  type: GraphQLAbstractType,
  selections: readonly ShapeSelection[],
): boolean {
  const possible = apiSchema.getPossibleTypes(type);
  return selections.some((selection) => {
    if (selection.kind === 'field') return false;
    if (isTypeOrSubtype(apiSchema, type.name, selection.on))
      return dependsOnType(apiSchema, type, selection.selections);
    return possible.some(({ name }) => isTypeOrSubtype(apiSchema, name, selection.on));
  });
}

function asksForType({ name }: FieldShape): boolean {
  return name === '__typename';
}
