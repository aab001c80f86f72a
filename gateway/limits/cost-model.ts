import {
  type ConstDirectiveNode,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  isCompositeType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  valueFromASTUntyped,
} from 'graphql';

/** How long a field's list is, or those of its children that `sizedFields` names. */
export interface ListSize {
  readonly assumedSize: number | undefined;
  /** Arguments whose number is the size; the largest one counts. */
  readonly slicingArguments: readonly string[];
  readonly sizedFields: readonly string[];
}

export interface FieldCost {
  readonly weight: number;
  /** Lists within lists that the field is. */
  readonly lists: number;
  readonly listSize: ListSize | undefined;
  readonly type: GraphQLNamedType;
  readonly arguments: readonly GraphQLArgument[];
}

/** What each coordinate weighs, by `@cost` and `@listSize` (IBM's cost specification, as federation 2.9 composes it). */
export interface CostModel {
  field(parentType: string, name: string): FieldCost | undefined;
  /** The weight of an argument or input field with all that is inside its value. */
  input(argument: GraphQLArgument, value: unknown): number;
  /** Whether that weight depends on the value. */
  dependsOnValue(argument: GraphQLArgument): boolean;
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

  function describeField(field: GraphQLField<unknown, unknown>): FieldCost {
    const type = getNamedType(field.type);
    return {
      weight: weightOf(field) ?? weightOf(type) ?? (isCompositeType(type) ? 1 : 0),
      lists: countLists(field.type),
      listSize: toListSize(argumentsOf(field, names.listSize)),
      type,
      arguments: field.args,
    };
  }

  function weighValue(type: GraphQLInputType, value: unknown): number {
    if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + weighValue(type, item), 0);
    const named = getNamedType(type);
    const own = weightOf(named) ?? (isInputObjectType(named) ? 1 : 0);
    if (!isInputObjectType(named) || typeof value !== 'object' || value === null) return own;
    const fields = named.getFields();
    return Object.entries(value).reduce((sum, [name, member]) => {
      const field = fields[name];
      return field === undefined ? sum : sum + (weightOf(field) ?? weighValue(field.type, member));
    }, own);
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
    dependsOnValue(argument) {
      const type = getNamedType(argument.type);
      return weightOf(argument) === undefined && (isInputObjectType(type) || weightOf(type) !== undefined);
    },
    input: (argument, value) => weightOf(argument) ?? inputObjectWeight(argument, value, weighValue),
  };
}

function countLists(type: GraphQLOutputType): number {
  if (isNonNullType(type)) return countLists(type.ofType);
  return isListType(type) ? 1 + countLists(type.ofType) : 0;
}

function inputObjectWeight(
  { type }: GraphQLArgument,
  value: unknown,
  weigh: (type: GraphQLInputType, value: unknown) => number,
): number {
  return value === null || value === undefined ? 0 : weigh(type, value);
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
