import {
  type ConstDirectiveNode,
  type FieldNode,
  getNamedType,
  type GraphQLSchema,
  isInterfaceType,
  isObjectType,
  Kind,
  parse,
  type SelectionSetNode,
} from 'graphql';

export function graphOf(directive: ConstDirectiveNode): string {
  const value = argumentOf(directive, 'graph');
  return value?.kind === Kind.ENUM ? value.value : '';
}

export function argumentOf(directive: ConstDirectiveNode, name: string) {
  return directive.arguments?.find((argument) => argument.name.value === name)?.value;
}

/** A field that a field set names, at whatever depth. */
export interface NamedField {
  /** The subgraph whose field set it is, by its name in `join__Graph`. */
  readonly graph: string;
  /** `Type.field.field`, from the type that the field set is about; type conditions do not count. */
  readonly place: string;
  /** The type that has the field. */
  readonly type: string;
  readonly field: FieldNode;
}

/** The fields of the field sets that a directive of the supergraph has as an argument. */
export function* fieldSets(
  supergraph: GraphQLSchema,
  directiveName: string,
  argument: string,
): Iterable<NamedField> {
  for (const type of Object.values(supergraph.getTypeMap())) {
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    const nodes = [type.astNode, ...Object.values(type.getFields()).map(({ astNode }) => astNode)];
    for (const directive of nodes.flatMap((node) => node?.directives ?? [])) {
      const value = directive.name.value === directiveName ? argumentOf(directive, argument) : undefined;
      if (value?.kind !== Kind.STRING) continue;
      const about = { graph: graphOf(directive), place: type.name, type: type.name };
      yield* fieldsOf(supergraph, about, parseSelections(value.value));
    }
  }
}

export function parseSelections(text: string): SelectionSetNode {
  const [operation] = parse(`{${text}}`, { noLocation: true }).definitions;
  if (operation?.kind !== Kind.OPERATION_DEFINITION)
    throw new TypeError('a field set is not a selection set');
  return operation.selectionSet;
}

function* fieldsOf(
  supergraph: GraphQLSchema,
  about: Omit<NamedField, 'field'>,
  { selections }: SelectionSetNode,
): Iterable<NamedField> {
  for (const selection of selections) {
    if (selection.kind === Kind.FRAGMENT_SPREAD) continue;
    if (selection.kind === Kind.INLINE_FRAGMENT) {
      const type = selection.typeCondition?.name.value ?? about.type;
      yield* fieldsOf(supergraph, { ...about, type }, selection.selectionSet);
      continue;
    }
    const name = selection.name.value;
    const place = `${about.place}.${name}`;
    yield { ...about, place, field: selection };
    const parent = supergraph.getType(about.type);
    const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined;
    if (selection.selectionSet !== undefined && field !== undefined)
      yield* fieldsOf(
        supergraph,
        { ...about, place, type: getNamedType(field.type).name },
        selection.selectionSet,
      );
  }
}

/** The type, its interfaces, and all that implement one of those. */
export function relatedTypes(supergraph: GraphQLSchema, name: string): ReadonlySet<string> {
  const related = new Set([name]);
  const type = supergraph.getType(name);
  const interfaces = isObjectType(type) || isInterfaceType(type) ? [...type.getInterfaces()] : [];
  if (isInterfaceType(type)) interfaces.push(type);
  for (const one of interfaces) {
    related.add(one.name);
    const { objects, interfaces: narrower } = supergraph.getImplementations(one);
    for (const { name: implementation } of [...objects, ...narrower]) related.add(implementation);
  }
  return related;
}
