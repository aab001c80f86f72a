import {
  type ConstDirectiveNode,
  getNamedType,
  type GraphQLSchema,
  isInterfaceType,
  isObjectType,
  Kind,
  parse,
  type SelectionSetNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
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
  const types = Object.values(supergraph.getTypeMap()).flatMap(({ astNode }) => astNode?.directives ?? []);
  for (const directive of [...types, ...fieldDirectives(supergraph)])
    if (directive.name.value === directiveName) yield* fieldNames(directive, argument);
}

/** The names of all fields that arguments take their values from (`@fromContext`). */
export function* contextFields(supergraph: GraphQLSchema): Iterable<string> {
  for (const directive of fieldDirectives(supergraph)) {
    const contexts = argumentOf(directive, 'contextArguments');
    for (const context of contexts?.kind === Kind.LIST ? contexts.values : []) {
      if (context.kind !== Kind.OBJECT) continue;
      const selection = context.fields.find(({ name }) => name.value === 'selection')?.value;
      if (selection?.kind !== Kind.STRING) continue;
      const text = selection.value.trim(); // a set by itself, or fragments for several types
      yield* namesIn(text.startsWith('{') ? text.slice(1, -1) : text);
    }
  }
}

function* fieldDirectives(supergraph: GraphQLSchema): Iterable<ConstDirectiveNode> {
  for (const type of Object.values(supergraph.getTypeMap()))
    if (isObjectType(type) || isInterfaceType(type))
      for (const { astNode } of Object.values(type.getFields())) yield* astNode?.directives ?? [];
}

/** The names of all fields, at whatever depth, in the field set that a directive has as an argument. */
export function fieldNames(directive: ConstDirectiveNode, argument: string): readonly string[] {
  const value = argumentOf(directive, argument);
  return value?.kind === Kind.STRING ? namesIn(value.value) : [];
}

function namesIn(selections: string): readonly string[] {
  const names: string[] = [];
  visit(parseSelections(selections), {
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

/**
 * The fields that a field set selects, on whichever type an object may have there; a bare name where the schema does not
 * know the type, as only the subgraph's own type has the field above.
 */
export function coordinatesOf(schema: GraphQLSchema, typeName: string, set: string): readonly string[] {
  const coordinates: string[] = [];
  const info = new TypeInfo(schema, schema.getType(typeName));
  visit(
    parseSelections(set),
    visitWithTypeInfo(info, {
      Field({ name }) {
        const parent = info.getParentType();
        if (!parent) {
          coordinates.push(name.value);
          return;
        }
        const types = isInterfaceType(parent) ? [parent, ...schema.getPossibleTypes(parent)] : [parent];
        for (const type of types) coordinates.push(`${getNamedType(type).name}.${name.value}`);
      },
    }),
  );
  return coordinates;
}
