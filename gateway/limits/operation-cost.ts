import {
  type ArgumentNode,
  type DocumentNode,
  type FieldNode,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type SelectionSetNode,
  valueFromASTUntyped,
} from 'graphql';
import { fragmentsOf } from '@aduana/subgraph/graphql/fragments-of';
import type { CostModel, FieldCost } from './cost-model.ts';
import { type KnownWeights, weighValue } from './input-weight.ts';

/** What an operation costs at most, and whether another call with other variables may cost something else. */
export interface OperationCost {
  readonly cost: number;
  readonly dependsOnVariables: boolean;
}

const MUTATION_WEIGHT = 10;

/**
 * An upper bound of what an operation costs: each object 1, each scalar 0, each mutation 10, unless `@cost` says
 * otherwise, times the length of each list around it, which is the model's size unless `@listSize` says otherwise. Conditions and type
 * conditions take nothing away.
 *
 * @param limit beyond which it does not matter how much a value of a variable weighs
 */
export function costOfOperation(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
  model: CostModel,
  limit: number,
): OperationCost {
  const fragments = fragmentsOf(document);
  const values = withDefaults(operation, variables);
  const weights: KnownWeights = new Map(Object.values(values).map((value) => [value, undefined]));
  const known = new Map<string, number>();
  let dependsOnVariables = false;

  function costOfSelections(
    selectionSet: SelectionSetNode,
    parent: string,
    sizes: ReadonlyMap<string, number>,
  ): number {
    let cost = 0;
    for (const selection of selectionSet.selections)
      if (selection.kind === Kind.FIELD) cost += costOfField(selection, parent, sizes);
      else if (selection.kind === Kind.INLINE_FRAGMENT)
        cost += costOfSelections(
          selection.selectionSet,
          selection.typeCondition?.name.value ?? parent,
          sizes,
        );
      else cost += costOfFragment(selection.name.value, sizes);
    return cost;
  }

  function costOfFragment(name: string, sizes: ReadonlyMap<string, number>): number {
    const fragment = fragments.get(name);
    if (fragment === undefined) return 0;
    const key = sizes.size === 0 ? name : `${name} ${JSON.stringify([...sizes])}`;
    const reached = known.get(key);
    if (reached !== undefined) return reached;
    known.set(key, 0);
    const cost = costOfSelections(fragment.selectionSet, fragment.typeCondition.name.value, sizes);
    known.set(key, cost);
    return cost;
  }

  function costOfField(node: FieldNode, parent: string, sizes: ReadonlyMap<string, number>): number {
    const field = model.field(parent, node.name.value);
    if (field === undefined) return 0;
    const given = readArguments(node.arguments ?? [], values);
    dependsOnVariables ||= node.arguments?.some((argument) => matters(field, argument)) === true;
    const size = sizeOf(field, given, model);
    const { listSize } = field;
    const inner = new Map(listSize?.sizedFields.map((name) => [name, size]));
    const times =
      sizes.get(node.name.value) ?? (listSize !== undefined && listSize.sizedFields.length > 0 ? 1 : size);
    const inside =
      node.selectionSet === undefined ? 0 : costOfSelections(node.selectionSet, field.type.name, inner);
    return costOfArguments(field, given, { weights, limit }) + times * (field.weight + inside);
  }

  const root = model.schema.getRootType(operation.operation)?.name;
  const cost = root === undefined ? 0 : costOfSelections(operation.selectionSet, root, new Map());
  return { cost: cost + weightOfMutations(operation), dependsOnVariables };
}

function weightOfMutations({ operation, selectionSet }: OperationDefinitionNode): number {
  return operation === OperationTypeNode.MUTATION ? MUTATION_WEIGHT * selectionSet.selections.length : 0;
}

/** Default values count where the client sends none. */
function withDefaults(
  { variableDefinitions = [] }: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const values = Object.assign(Object.create(null), variables) as Record<string, unknown>;
  for (const { variable, defaultValue } of variableDefinitions)
    if (defaultValue !== undefined && !Object.hasOwn(values, variable.name.value))
      values[variable.name.value] = valueFromASTUntyped(defaultValue);
  return values;
}

function readArguments(
  nodes: readonly ArgumentNode[],
  variables: Readonly<Record<string, unknown>>,
): ReadonlyMap<string, unknown> {
  return new Map(nodes.map(({ name, value }) => [name.value, valueFromASTUntyped(value, variables)]));
}

function sizeOf(
  { listSize, lists, arguments: definitions }: FieldCost,
  given: ReadonlyMap<string, unknown>,
  { listSize: unknownSize }: CostModel,
): number {
  if (listSize === undefined) return unknownSize ** lists;
  const asked = listSize.slicingArguments.flatMap((name) => {
    const value = given.get(name);
    return countOf(value === undefined ? definitions.get(name)?.defaultValue : value);
  });
  if (asked.length > 0) return Math.max(...asked);
  return listSize.assumedSize ?? unknownSize;
}

/**
 * What a slicing argument asks for. What a subgraph makes of null and of less than nothing is not known: some give all that
 * there is, some of nothing too, so that none counts as one.
 */
function countOf(value: unknown): readonly number[] {
  return typeof value === 'number' && value >= 0 ? [Math.max(1, value)] : [];
}

function costOfArguments(
  { arguments: definitions }: FieldCost,
  given: ReadonlyMap<string, unknown>,
  { weights, limit }: { readonly weights: KnownWeights; readonly limit: number },
): number {
  let cost = 0;
  for (const [name, value] of given) {
    const weight = definitions.get(name)?.weight ?? 0;
    if (typeof weight === 'number') cost += weight;
    else if (value !== null && value !== undefined) cost += weighValue(weight, value, weights, limit);
  }
  return cost;
}

/** Whether a variable in this argument may change the cost. */
function matters({ listSize, arguments: definitions }: FieldCost, { name, value }: ArgumentNode): boolean {
  if (!mentionsVariable(value)) return false;
  const slices = listSize?.slicingArguments.includes(name.value) === true;
  return slices || typeof (definitions.get(name.value)?.weight ?? 0) !== 'number';
}

function mentionsVariable(value: ArgumentNode['value']): boolean {
  if (value.kind === Kind.VARIABLE) return true;
  if (value.kind === Kind.LIST) return value.values.some(mentionsVariable);
  return value.kind === Kind.OBJECT && value.fields.some((field) => mentionsVariable(field.value));
}
