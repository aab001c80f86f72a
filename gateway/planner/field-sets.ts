import {
  type ConstDirectiveNode,
  type GraphQLSchema,
  isInterfaceType,
  isObjectType,
  Kind,
  parse,
  type SelectionSetNode,
  visit,
} from 'graphql';

/** The subgraph that a directive of the supergraph is about, by its name in `join__Graph`. */
export function graphOf(directive: ConstDirectiveNode): string {
  const value = argumentOf(directive, 'graph');
  return value?.kind === Kind.ENUM ? value.value : '';
}

export function argumentOf(directive: ConstDirectiveNode, name: string) {
  return directive.arguments?.find((argument) => argument.name.value === name)?.value;
}

/** The names of all fields in the field sets that a directive of the supergraph has as an argument. */
export function* namedFields(
  supergraph: GraphQLSchema,
  directiveName: string,
  argument: string,
): Iterable<string> {
  for (const type of Object.values(supergraph.getTypeMap())) {
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    const nodes = [type.astNode, ...Object.values(type.getFields()).map(({ astNode }) => astNode)];
    for (const directive of nodes.flatMap((node) => node?.directives ?? []))
      if (directive.name.value === directiveName) yield* fieldNames(directive, argument);
  }
}

/** The names of all fields, at whatever depth, in the field set that a directive has as an argument. */
export function fieldNames(directive: ConstDirectiveNode, argument: string): readonly string[] {
  const value = argumentOf(directive, argument);
  const names: string[] = [];
  if (value?.kind === Kind.STRING)
    visit(parseSelections(value.value), {
      Field: ({ name }) => {
        names.push(name.value);
      },
    });
  return names;
}

export function parseSelections(text: string): SelectionSetNode {
  const [operation] = parse(`{${text}}`, { noLocation: true }).definitions;
  if (operation?.kind !== Kind.OPERATION_DEFINITION)
    throw new TypeError('a field set is not a selection set');
  return operation.selectionSet;
}
