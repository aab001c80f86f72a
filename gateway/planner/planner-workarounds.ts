import {
  type ConstDirectiveNode,
  type GraphQLSchema,
  isAbstractType,
  isInterfaceType,
  Kind,
  type OperationDefinitionNode,
  parse,
  print,
  visit,
} from 'graphql';
import { interfaceObjects } from './interface-objects.ts';
import { argumentOf, contextFields, graphOf, namedFields } from './field-sets.ts';

/** What a client's response key begins with while the planner's own use of the same field needs another name. */
const PRIVATE = 'client__';
const OWN_KEY = /^(?:client|planner)__/;

/**
 * Names that the planner (2.14.4) asks for as they are: of keys and of fields that `@requires` or `@fromContext` name,
 * which a client may have as aliases of something else (`id: name` would answer the key).
 */
export function plannersFields(supergraph: GraphQLSchema): ReadonlySet<string> {
  const known = new Set(['__typename']);
  for (const name of namedFields(supergraph, 'join__type', 'key')) known.add(name);
  for (const name of namedFields(supergraph, 'join__field', 'requires')) known.add(name);
  for (const name of contextFields(supergraph)) known.add(name);
  return known;
}

/** The key to ask for a client's field under: one that the planner cannot mean, where it otherwise could. */
export function fetchKey(responseKey: string, coordinate: string, plannersOwn: ReadonlySet<string>): string {
  const isAlias = !coordinate.endsWith(`.${responseKey}`);
  const ambiguous = isAlias && (plannersOwn.has(responseKey) || OWN_KEY.test(responseKey));
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
