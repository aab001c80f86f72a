import {
  type ConstDirectiveNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  isCompositeType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  valueFromASTUntyped,
} from 'graphql';
import { createWeighInputType, type InputWeight } from './input-weight.ts';

/** How long a field's list is, or those of its children that `sizedFields` names. */
export interface ListSize {
  readonly assumedSize: number | undefined;
  /** Arguments whose number is the size; the largest one counts. */
  readonly slicingArguments: readonly string[];
  readonly sizedFields: readonly string[];
}

export interface ArgumentCost {
  /** Always the same, or by its value. */
  readonly weight: number | InputWeight;
  readonly defaultValue: unknown;
}

export interface FieldCost {
  readonly weight: number;
  /** Lists within lists that the field is. */
  readonly lists: number;
  readonly listSize: ListSize | undefined;
  readonly type: GraphQLNamedType;
  readonly arguments: ReadonlyMap<string, ArgumentCost>;
}

/** What each coordinate weighs, by `@cost` and `@listSize` (IBM's cost specification, as federation 2.9 composes it). */
export interface CostModel {
  field(parentType: string, name: string): FieldCost | undefined;
  readonly schema: GraphQLSchema;
  /** What is assumed of a list of which nothing is said. */
  readonly listSize: number;
}

const COST_SPEC = /^https:\/\/specs\.apollo\.dev\/cost\/v0\.1$/;

/** @param schema a supergraph's whole schema, whose `@link` says what the two directives are called */
export function createCostModel(schema: GraphQLSchema, listSize: number): CostModel {
  const names = directiveNames(schema);
  const known = new Map<string, FieldCost | undefined>();
  const weightOf = (node: Annotated): number | undefined => {
    const weight = Number(argumentsOf(node, names.cost)?.['weight'] ?? NaN);
    return Number.isFinite(weight) ? weight : undefined;
  };
  const weighInputType = createWeighInputType(weightOf);

  function describeField(field: GraphQLField<unknown, unknown>): FieldCost {
    const type = getNamedType(field.type);
    return {
      weight: weightOf(field) ?? weightOf(type) ?? (isCompositeType(type) ? 1 : 0),
      lists: countLists(field.type),
      listSize: toListSize(argumentsOf(field, names.listSize)),
      type,
      arguments: new Map(
        field.args.map((argument) => [
          argument.name,
          {
            weight: weightOf(argument) ?? weighInputType(argument.type) ?? 0,
            defaultValue: argument.defaultValue,
          },
        ]),
      ),
    };
  }

  return {
    schema,
    listSize,
    field(parentType, name) {
      const coordinate = `${parentType}.${name}`;
      if (known.has(coordinate)) return known.get(coordinate);
      const parent = schema.getType(parentType);
      const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined;
      if (field === undefined) return undefined;
      const cost = describeField(field);
      known.set(coordinate, cost);
      return cost;
    },
  };
}

function countLists(type: GraphQLOutputType): number {
  if (isNonNullType(type)) return countLists(type.ofType);
  return isListType(type) ? 1 + countLists(type.ofType) : 0;
}

interface Annotated {
  readonly astNode?: { readonly directives?: readonly ConstDirectiveNode[] | undefined } | null | undefined;
}

function argumentsOf(
  { astNode }: Annotated,
  directive: string,
): Readonly<Record<string, unknown>> | undefined {
  const node = astNode?.directives?.find(({ name }) => name.value === directive);
  if (node === undefined) return undefined;
  return Object.fromEntries(
    node.arguments?.map(({ name, value }) => [name.value, valueFromASTUntyped(value)]) ?? [],
  );
}

function toListSize(values: Readonly<Record<string, unknown>> | undefined): ListSize | undefined {
  if (values === undefined) return undefined;
  const { assumedSize, slicingArguments, sizedFields } = values;
  return {
    assumedSize: typeof assumedSize === 'number' ? assumedSize : undefined,
    slicingArguments: Array.isArray(slicingArguments) ? slicingArguments.map(String) : [],
    sizedFields: Array.isArray(sizedFields) ? sizedFields.map(String) : [],
  };
}

/** `@cost` and `@listSize` under the names that the schema's `@link` gives them. */
function directiveNames(schema: GraphQLSchema): { readonly cost: string; readonly listSize: string } {
  const names = { cost: 'cost', listSize: 'listSize' };
  const links = [schema.astNode, ...schema.extensionASTNodes].flatMap((node) => node?.directives ?? []);
  for (const link of links) {
    const values = argumentsOf({ astNode: { directives: [link] } }, link.name.value) ?? {};
    if (!COST_SPEC.test(String(values['url']))) continue;
    const prefix = typeof values['as'] === 'string' ? values['as'] : 'cost';
    names.cost = prefix;
    names.listSize = `${prefix}__listSize`;
    for (const entry of Array.isArray(values['import']) ? (values['import'] as unknown[]) : []) {
      const { name, as } = (typeof entry === 'string' ? { name: entry, as: entry } : entry) as Record<
        string,
        string
      >;
      if (name === '@cost') names.cost = (as ?? name).replace(/^@/, '');
      if (name === '@listSize') names.listSize = (as ?? name).replace(/^@/, '');
    }
  }
  return names;
}
