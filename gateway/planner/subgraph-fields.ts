import {
  type ConstDirectiveNode,
  type FieldNode,
  type GraphQLSchema,
  isEnumType,
  isInterfaceType,
  isObjectType,
  Kind,
} from 'graphql';
import { argumentOf, graphOf, parseSelections } from './field-sets.ts';

/** What a supergraph's `@join__*` say of the fields of one subgraph. */
export interface SubgraphFields {
  /** By coordinate. */
  readonly fields: ReadonlyMap<string, SubgraphField>;
  /** By type, the fields of its keys. */
  readonly keys: ReadonlyMap<string, readonly FieldNode[]>;
}

export interface SubgraphField {
  /** The subgraph names it, and cannot resolve it but where it is provided. */
  readonly external: boolean;
  /** Names of the fields that it is computed from. */
  readonly requires: readonly string[];
  /** What the subgraph knows below it beyond its own fields. */
  readonly provides: readonly FieldNode[];
}

/** By the subgraph's name. */
export function readSubgraphFields(schema: GraphQLSchema): ReadonlyMap<string, SubgraphFields> {
  const byGraph = new Map<string, OpenFields>();
  const bySubgraph = new Map<string, OpenFields>();
  const graphs = schema.getType('join__Graph');
  for (const { name: graph, astNode } of isEnumType(graphs) ? graphs.getValues() : []) {
    const [directive] = named(astNode?.directives, 'join__graph');
    const name = directive && argumentOf(directive, 'name');
    const fields: OpenFields = { fields: new Map(), keys: new Map() };
    byGraph.set(graph, fields);
    bySubgraph.set(name?.kind === Kind.STRING ? name.value : graph, fields);
  }
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    for (const directive of named(type.astNode?.directives, 'join__type')) {
      const keys = byGraph.get(graphOf(directive))?.keys;
      keys?.set(type.name, [...(keys.get(type.name) ?? []), ...fieldSet(directive, 'key')]);
    }
    for (const { name, astNode } of Object.values(type.getFields()))
      for (const directive of named(astNode?.directives, 'join__field'))
        byGraph.get(graphOf(directive))?.fields.set(`${type.name}.${name}`, readField(directive));
  }
  return bySubgraph;
}

interface OpenFields {
  readonly fields: Map<string, SubgraphField>;
  readonly keys: Map<string, readonly FieldNode[]>;
}

function readField(directive: ConstDirectiveNode): SubgraphField {
  const external = argumentOf(directive, 'external');
  return {
    external: external?.kind === Kind.BOOLEAN && external.value,
    requires: fieldSet(directive, 'requires').map((field) => field.name.value),
    provides: fieldSet(directive, 'provides'),
  };
}

/** The fields selected below one, whatever type they are selected on. */
export function fieldsBelow({ selectionSet }: Pick<FieldNode, 'selectionSet'>): readonly FieldNode[] {
  return (selectionSet?.selections ?? []).flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return [selection];
    return selection.kind === Kind.INLINE_FRAGMENT ? fieldsBelow(selection) : [];
  });
}

function fieldSet(directive: ConstDirectiveNode, argument: string): readonly FieldNode[] {
  const value = argumentOf(directive, argument);
  return value?.kind === Kind.STRING ? fieldsBelow({ selectionSet: parseSelections(value.value) }) : [];
}

function named(directives: readonly ConstDirectiveNode[] | undefined, name: string): ConstDirectiveNode[] {
  return (directives ?? []).filter((directive) => directive.name.value === name);
}
