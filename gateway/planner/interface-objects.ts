import { type ConstDirectiveNode, type GraphQLSchema, isEnumType, Kind } from 'graphql';
import { argumentOf, graphOf } from './field-sets.ts';

/** Names of the interfaces that some subgraph has as an `@interfaceObject`, by the supergraph's `@join__type`. */
export function interfaceObjects(supergraphSchema: GraphQLSchema): ReadonlySet<string> {
  return new Set(subgraphsOfInterfaceObjects(supergraphSchema).keys());
}

/** By the names of those interfaces, the subgraphs that have them so: none of them knows the types of their objects. */
export function subgraphsOfInterfaceObjects(
  supergraphSchema: GraphQLSchema,
): ReadonlyMap<string, ReadonlySet<string>> {
  const subgraphs = new Map<string, Set<string>>();
  for (const { name, astNode } of Object.values(supergraphSchema.getTypeMap()))
    for (const directive of astNode?.directives ?? []) {
      if (directive.name.value !== 'join__type') continue;
      const marked = argumentOf(directive, 'isInterfaceObject');
      if (marked?.kind !== Kind.BOOLEAN || !marked.value) continue;
      const graph = subgraphNamed(supergraphSchema, directive);
      subgraphs.set(name, (subgraphs.get(name) ?? new Set()).add(graph));
    }
  return subgraphs;
}

function subgraphNamed(schema: GraphQLSchema, directive: ConstDirectiveNode): string {
  const graph = graphOf(directive);
  const graphs = schema.getType('join__Graph');
  const node = isEnumType(graphs) ? graphs.getValue(graph)?.astNode : undefined;
  const joined = node?.directives?.find(({ name }) => name.value === 'join__graph');
  const name = joined && argumentOf(joined, 'name');
  return name?.kind === Kind.STRING ? name.value : graph;
}
