import {
  type ConstDirectiveNode,
  type FieldNode,
  getNamedType,
  type GraphQLSchema,
  isAbstractType,
  isInterfaceType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  parse,
  print,
  type SelectionSetNode,
  visit,
} from 'graphql';
import { interfaceObjects } from '../execute/interface-objects.ts';

/** What a client's response key begins with while the planner's own use of the same field must be told apart. */
const PRIVATE = 'client__';

/**
 * What the planner (2.14.4) asks for under its plain name, and may take a client's field for: coordinates that
 * `@requires` names with arguments (`comments(limit: 1)` would answer what `@requires(fields: "comments(limit: 3)")`
 * fetched), interfaces and implementations included; and the names of keys and `@requires` fields, which a client may
 * have as aliases of something else (`id: name` would answer the key).
 */
export function plannersFields(supergraph: GraphQLSchema): ReadonlySet<string> {
  const known = new Set(['__typename']);
  for (const { field } of fieldSets(supergraph, 'join__type', 'key')) known.add(field.name.value);
  for (const { type, field } of fieldSets(supergraph, 'join__field', 'requires')) {
    known.add(field.name.value);
    if ((field.arguments ?? []).length === 0) continue;
    for (const related of relatedTypes(supergraph, type)) known.add(`${related}.${field.name.value}`);
  }
  return known;
}

/** The key to ask for a client's field under: one that the planner cannot mean, where it otherwise could. */
export function fetchKey(responseKey: string, coordinate: string, plannersOwn: ReadonlySet<string>): string {
  const isAlias = !coordinate.endsWith(`.${responseKey}`);
  const ambiguous =
    plannersOwn.has(coordinate) ||
    (isAlias && plannersOwn.has(responseKey)) ||
    responseKey.startsWith(PRIVATE);
  return ambiguous ? PRIVATE + responseKey : responseKey;
}

const PLANNERS_VARIABLE = /^(?:representations|contextualArgument_|client__)/;

/**
 * The planner adds variables of its own to a fetch, and a client's variable of the same name would get their values:
 * gives such a variable another name. `clientVariable` undoes it.
 */
export function renameVariables(operation: OperationDefinitionNode): OperationDefinitionNode {
  if (!operation.variableDefinitions?.some(({ variable }) => PLANNERS_VARIABLE.test(variable.name.value)))
    return operation;
  return visit(operation, {
    Variable: (node) =>
      PLANNERS_VARIABLE.test(node.name.value)
        ? { ...node, name: { ...node.name, value: PRIVATE + node.name.value } }
        : undefined,
  });
}

/** The object types that a fragment on `condition` under `parent` is spelled out for; undefined where it may stay. */
export type SpellOut = (parent: string, condition: string) => readonly string[] | undefined;

/**
 * The planner (2.14.4) gives up where an interface object is met by a fragment on another abstract type, which is not
 * one of its own: by the object types that both can be, it finds its way.
 */
export function createSpellOut(apiSchema: GraphQLSchema, supergraph: GraphQLSchema): SpellOut {
  const objects = interfaceObjects(supergraph);
  return (parentName, condition) => {
    if (!objects.has(parentName) || parentName === condition) return undefined;
    const [parent, type] = [apiSchema.getType(parentName), apiSchema.getType(condition)];
    if (!isInterfaceType(parent) || !isAbstractType(type) || apiSchema.isSubType(type, parent))
      return undefined;
    const both = apiSchema.getPossibleTypes(parent).filter((one) => apiSchema.isSubType(type, one));
    return both.map(({ name }) => name);
  };
}

/** The client's name of a variable that a fetch uses. */
export function clientVariable(name: string): string {
  return name.startsWith(PRIVATE) ? name.slice(PRIVATE.length) : name;
}

/**
 * Coordinates that `@requires` names with different arguments, `price(currency: USD)` here and
 * `price(currency: EUR)` there: the planner would merge them into one, so such a supergraph cannot be served.
 */
export function conflictingRequires(supergraph: GraphQLSchema): readonly string[] {
  const known = new Map<string, string>();
  const conflicts = new Set<string>();
  for (const { type, field } of fieldSets(supergraph, 'join__field', 'requires')) {
    const text = [...(field.arguments ?? [])].map(print).sort().join(', ');
    for (const related of relatedTypes(supergraph, type)) {
      const coordinate = `${related}.${field.name.value}`;
      const other = known.get(coordinate);
      if (other !== undefined && other !== text) conflicts.add(`${type}.${field.name.value}`);
      known.set(coordinate, text);
    }
  }
  return [...conflicts];
}

/**
 * The planner (2.14.4) may enter a subgraph by a key that is `resolvable: false` there when another of its keys is
 * resolvable; the subgraph then has no such entity. Takes those keys out of the SDL where a resolvable one remains.
 */
export function stripUnresolvableKeys(sdl: string): string {
  const document = parse(sdl, { noLocation: true });
  const strip = <Node extends { readonly directives?: readonly ConstDirectiveNode[] | undefined }>(
    node: Node,
  ): Node => {
    const directives = node.directives ?? [];
    const entered = new Set(
      directives.filter((directive) => isKey(directive) && !isUnresolvable(directive)).map(graphOf),
    );
    return {
      ...node,
      directives: directives.filter(
        (directive) => !(isKey(directive) && isUnresolvable(directive) && entered.has(graphOf(directive))),
      ),
    };
  };
  return print(visit(document, { ObjectTypeDefinition: strip, InterfaceTypeDefinition: strip }));
}

function isKey(directive: ConstDirectiveNode): boolean {
  return directive.name.value === 'join__type' && argumentOf(directive, 'key') !== undefined;
}

function isUnresolvable(directive: ConstDirectiveNode): boolean {
  const value = argumentOf(directive, 'resolvable');
  return value?.kind === Kind.BOOLEAN && !value.value;
}

function graphOf(directive: ConstDirectiveNode): string {
  const value = argumentOf(directive, 'graph');
  return value?.kind === Kind.ENUM ? value.value : '';
}

function argumentOf(directive: ConstDirectiveNode, name: string) {
  return directive.arguments?.find((argument) => argument.name.value === name)?.value;
}

interface RequiredField {
  readonly type: string;
  readonly field: FieldNode;
}

/** The fields of the field sets that a directive of the supergraph holds. */
function* fieldSets(
  supergraph: GraphQLSchema,
  directiveName: string,
  argument: string,
): Iterable<RequiredField> {
  for (const type of Object.values(supergraph.getTypeMap())) {
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    const nodes = [type.astNode, ...Object.values(type.getFields()).map(({ astNode }) => astNode)];
    for (const directive of nodes.flatMap((node) => node?.directives ?? [])) {
      const value = directive.name.value === directiveName ? argumentOf(directive, argument) : undefined;
      if (value?.kind === Kind.STRING) yield* fieldsOf(supergraph, type.name, parseSelections(value.value));
    }
  }
}

function parseSelections(text: string): SelectionSetNode {
  const [operation] = parse(`{${text}}`, { noLocation: true }).definitions;
  if (operation?.kind !== Kind.OPERATION_DEFINITION)
    throw new TypeError('a field set is not a selection set');
  return operation.selectionSet;
}

function* fieldsOf(
  supergraph: GraphQLSchema,
  type: string,
  { selections }: SelectionSetNode,
): Iterable<RequiredField> {
  for (const selection of selections) {
    if (selection.kind === Kind.FRAGMENT_SPREAD) continue;
    if (selection.kind === Kind.INLINE_FRAGMENT) {
      yield* fieldsOf(supergraph, selection.typeCondition?.name.value ?? type, selection.selectionSet);
      continue;
    }
    yield { type, field: selection };
    const parent = supergraph.getType(type);
    const field =
      isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[selection.name.value] : undefined;
    if (selection.selectionSet !== undefined && field !== undefined)
      yield* fieldsOf(supergraph, getNamedType(field.type).name, selection.selectionSet);
  }
}

/** The type, its interfaces, and all that implement one of those. */
function relatedTypes(supergraph: GraphQLSchema, name: string): ReadonlySet<string> {
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
