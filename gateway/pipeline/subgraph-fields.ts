import {
  type ConstDirectiveNode,
  type FieldNode,
  type GraphQLSchema,
  isEnumType,
  isInterfaceType,
  isObjectType,
  Kind,
  parse,
} from 'graphql';

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
  const graphs = schema.getType('join__Graph');
  const values = isEnumType(graphs) ? graphs.getValues() : [];
  return new Map(
    values.map(({ name: graph, astNode }) => {
      const [directive] = named(astNode?.directives, 'join__graph');
      const name = directive && argumentOf(directive, 'name');
      return [name?.kind === Kind.STRING ? name.value : graph, fieldsOf(schema, graph)];
    }),
  );
}

function fieldsOf(schema: GraphQLSchema, graph: string): SubgraphFields {
  const fields = new Map<string, SubgraphField>();
  const keys = new Map<string, readonly FieldNode[]>();
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    const ownKeys = named(type.astNode?.directives, 'join__type').filter((one) => isOf(graph, one));
    if (ownKeys.length > 0)
      keys.set(
        type.name,
        ownKeys.flatMap((one) => fieldSet(one, 'key')),
      );
    for (const { name, astNode } of Object.values(type.getFields())) {
      const directive = named(astNode?.directives, 'join__field').find((one) => isOf(graph, one));
      if (directive === undefined) continue;
      const external = argumentOf(directive, 'external');
      fields.set(`${type.name}.${name}`, {
        external: external?.kind === Kind.BOOLEAN && external.value,
        requires: fieldSet(directive, 'requires').map((field) => field.name.value),
        provides: fieldSet(directive, 'provides'),
      });
    }
  }
  return { fields, keys };
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
  if (value?.kind !== Kind.STRING) return [];
  const [operation] = parse(`{${value.value}}`, { noLocation: true }).definitions;
  return operation?.kind === Kind.OPERATION_DEFINITION ? fieldsBelow(operation) : [];
}

function named(directives: readonly ConstDirectiveNode[] | undefined, name: string): ConstDirectiveNode[] {
  return (directives ?? []).filter((directive) => directive.name.value === name);
}

function isOf(graph: string, directive: ConstDirectiveNode): boolean {
  const value = argumentOf(directive, 'graph');
  return value?.kind === Kind.ENUM && value.value === graph;
}

function argumentOf(directive: ConstDirectiveNode, name: string) {
  return directive.arguments?.find((argument) => argument.name.value === name)?.value;
}
