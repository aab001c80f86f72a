import {
  type FieldNode,
  type FragmentDefinitionNode,
  getNamedType,
  type GraphQLCompositeType,
  type GraphQLOutputType,
  isCompositeType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';
import type { OracleAnswer, OracleCaller, OracleObject, OracleWorld } from './oracle-world.ts';

interface Collected {
  readonly node: FieldNode;
  readonly parent: GraphQLCompositeType;
  readonly refused: boolean;
}

class NullBubble extends Error {}

/**
 * Answers an operation as the rules of authorization say, by visiting the values that are there:
 * no rewriting, no plan, no cache.
 */
export function askOracle(
  { schema, guards, resolve }: OracleWorld,
  operation: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  variables: Readonly<Record<string, unknown>>,
  caller: OracleCaller,
): OracleAnswer {
  const root = schema.getRootType(operation.operation);
  if (!root) throw new TypeError('no root');
  const refused = new Set<string>();
  collectRefusals(operation.selectionSet, root, [], false);
  return { data: answer(), refused };

  function answer(): unknown {
    if (!root) return null;
    const collected = collect([{ set: operation.selectionSet, parent: root, refused: false }], root.name);
    if (refused.size > 0 && [...collected.values()].every((fields) => fields.every((field) => field.refused)))
      return null;
    try {
      return objectOf({ __typename: root.name }, collected);
    } catch (error) {
      if (error instanceof NullBubble) return null;
      throw error;
    }
  }

  function objectOf(
    object: OracleObject,
    collected: ReadonlyMap<string, Collected[]>,
  ): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    for (const [key, fields] of collected) {
      const [first] = fields;
      if (first === undefined) continue;
      const name = first.node.name.value;
      const type = name === '__typename' ? undefined : fieldType(object.__typename, name);
      if (fields.every((field) => field.refused)) {
        if (type === undefined || isNonNullType(type)) throw new NullBubble(); // __typename is a String!
        result[key] = null;
      } else if (type === undefined) result[key] = object.__typename;
      else result[key] = valueOf(type, resolve(object, name), fields);
    }
    return result;
  }

  function valueOf(type: GraphQLOutputType, value: unknown, fields: readonly Collected[]): unknown {
    if (isNonNullType(type)) {
      const inner = valueOf(type.ofType, value, fields);
      if (inner === null) throw new NullBubble();
      return inner;
    }
    try {
      if (value === null || value === undefined) return null;
      if (isListType(type)) return (value as unknown[]).map((item) => valueOf(type.ofType, item, fields));
      if (!isCompositeType(type)) return value;
      const object = value as OracleObject;
      const sets = fields.flatMap(({ node, parent, refused: below }) =>
        node.selectionSet === undefined
          ? []
          : [{ set: node.selectionSet, parent: compositeBelow(parent, node.name.value), refused: below }],
      );
      return objectOf(object, collect(sets, object.__typename));
    } catch (error) {
      if (error instanceof NullBubble) return null;
      throw error;
    }
  }

  function collect(
    sets: readonly { set: SelectionSetNode; parent: GraphQLCompositeType; refused: boolean }[],
    runtime: string,
  ): Map<string, Collected[]> {
    const collected = new Map<string, Collected[]>();
    for (const { set, parent, refused: below } of sets) into(set, parent, below);
    return collected;

    function into(set: SelectionSetNode, parent: GraphQLCompositeType, below: boolean): void {
      for (const selection of set.selections) {
        if (!included(selection)) continue;
        if (selection.kind === Kind.FIELD) {
          const key = selection.alias?.value ?? selection.name.value;
          const isRefused = below || !fieldNeeds(parent, selection.name.value).every(holds);
          collected.set(key, [
            ...(collected.get(key) ?? []),
            { node: selection, parent, refused: isRefused },
          ]);
          continue;
        }
        const { condition, inner } = fragmentOf(selection, parent);
        if (!isPossible(condition, runtime)) continue;
        into(inner, condition, below || (condition !== parent && !typeNeeds(condition.name).every(holds)));
      }
    }
  }

  function collectRefusals(
    set: SelectionSetNode,
    parent: GraphQLCompositeType,
    path: readonly string[],
    below: boolean,
  ): void {
    for (const selection of set.selections) {
      if (!included(selection)) continue;
      if (selection.kind !== Kind.FIELD) {
        const { condition, inner } = fragmentOf(selection, parent);
        collectRefusals(
          inner,
          condition,
          path,
          below || (condition !== parent && !typeNeeds(condition.name).every(holds)),
        );
        continue;
      }
      const name = selection.name.value;
      const here = [...path, selection.alias?.value ?? name];
      if (below || !fieldNeeds(parent, name).every(holds)) refused.add(here.join('.'));
      else if (selection.selectionSet !== undefined) {
        const type = fieldType(parent.name, name);
        const levels = type === undefined ? [] : lists(type);
        collectRefusals(selection.selectionSet, compositeBelow(parent, name), [...here, ...levels], false);
      }
    }
  }

  function fragmentOf(selection: Exclude<SelectionNode, FieldNode>, parent: GraphQLCompositeType) {
    const fragment =
      selection.kind === Kind.FRAGMENT_SPREAD ? fragments.get(selection.name.value) : selection;
    if (fragment === undefined) throw new TypeError('no such fragment');
    const name = fragment.typeCondition?.name.value;
    const condition = name === undefined ? parent : schema.getType(name);
    if (!isCompositeType(condition)) throw new TypeError('no such type');
    return { condition, inner: fragment.selectionSet };
  }

  function included({ directives = [] }: SelectionNode): boolean {
    return directives.every(({ name, arguments: given }) => {
      const value = given?.[0]?.value;
      const on =
        value?.kind === Kind.VARIABLE
          ? (variables[value.name.value] ?? defaultOf(value.name.value))
          : value?.kind === Kind.BOOLEAN && value.value;
      return name.value === 'skip' ? on !== true : on === true;
    });
  }

  function defaultOf(name: string): unknown {
    const value = operation.variableDefinitions?.find(
      ({ variable }) => variable.name.value === name,
    )?.defaultValue;
    return value?.kind === Kind.BOOLEAN && value.value;
  }

  function holds(coordinate: string): boolean {
    const guard = guards.get(coordinate);
    if (guard === undefined) return true;
    const anyOf = (lists_: readonly (readonly string[])[] | undefined, held: readonly string[]) =>
      lists_ === undefined || lists_.some((all) => all.every((name) => held.includes(name)));
    return (
      caller.authenticated && anyOf(guard.scopes, caller.scopes) && anyOf(guard.policies, caller.policies)
    );
  }

  /** An interface asks for what all its implementers ask for. */
  function typeNeeds(name: string): string[] {
    const type = schema.getType(name);
    return isInterfaceType(type) ? [name, ...schema.getPossibleTypes(type).map((one) => one.name)] : [name];
  }

  function fieldNeeds(parent: GraphQLCompositeType, field: string): string[] {
    const isRoot = parent === schema.getQueryType() || parent === schema.getMutationType();
    const own = [`${parent.name}.${field}`, ...(isRoot ? [parent.name] : [])];
    if (field === '__typename') return own;
    const type = fieldType(parent.name, field);
    if (type !== undefined) own.push(...typeNeeds(getNamedType(type).name));
    if (isInterfaceType(parent)) {
      for (const implementer of schema.getPossibleTypes(parent))
        own.push(implementer.name, ...fieldNeeds(implementer, field));
    }
    return own;
  }

  function fieldType(parent: string, field: string): GraphQLOutputType | undefined {
    const type = schema.getType(parent);
    return isObjectType(type) || isInterfaceType(type) ? type.getFields()[field]?.type : undefined;
  }

  function compositeBelow(parent: GraphQLCompositeType, field: string): GraphQLCompositeType {
    const type = fieldType(parent.name, field);
    const named = type === undefined ? undefined : getNamedType(type);
    if (!isCompositeType(named)) throw new TypeError('not composite');
    return named;
  }

  function isPossible(condition: GraphQLCompositeType, runtime: string): boolean {
    if (condition.name === runtime) return true;
    const type = schema.getType(runtime);
    return !isObjectType(condition) && isObjectType(type) && schema.isSubType(condition, type);
  }
}

function lists(type: GraphQLOutputType): string[] {
  if (isNonNullType(type)) return lists(type.ofType);
  return isListType(type) ? ['@', ...lists(type.ofType)] : [];
}
