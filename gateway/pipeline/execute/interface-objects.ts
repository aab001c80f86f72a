import { type GraphQLSchema, Kind } from 'graphql';

/** Names of the interfaces that some subgraph has as an `@interfaceObject`, by the supergraph's `@join__type`. */
export function interfaceObjects(supergraphSchema: GraphQLSchema): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { name, astNode } of Object.values(supergraphSchema.getTypeMap())) {
    const marked = astNode?.directives?.some(
      (directive) =>
        directive.name.value === 'join__type' &&
        directive.arguments?.some(
          (argument) =>
            argument.name.value === 'isInterfaceObject' &&
            argument.value.kind === Kind.BOOLEAN &&
            argument.value.value,
        ),
    );
    if (marked === true) names.add(name);
  }
  return names;
}
