import {
  type ConstDirectiveNode,
  type DefinitionNode,
  type FieldDefinitionNode,
  type GraphQLSchema,
  isInterfaceType,
  Kind,
  visit,
} from 'graphql';
import { argumentOf, fieldNames, graphOf } from './field-sets.ts';

export type TypeNode = Extract<
  DefinitionNode,
  { readonly fields?: readonly FieldDefinitionNode[] | undefined }
>;

export function mapFields(
  definitions: readonly DefinitionNode[],
  map: (type: TypeNode, field: FieldDefinitionNode) => readonly FieldDefinitionNode[],
): readonly DefinitionNode[] {
  return definitions.map((type) =>
    type.kind === Kind.OBJECT_TYPE_DEFINITION || type.kind === Kind.INTERFACE_TYPE_DEFINITION
      ? { ...type, fields: type.fields?.flatMap((field) => map(type, field)) ?? [] }
      : type,
  );
}

/** Takes away what a subgraph names as `@external` and uses in no field set, but where an interface wants it there. */
export function dropUnusedExternals(
  definitions: readonly DefinitionNode[],
  supergraph: GraphQLSchema,
  originalName: (field: string) => string,
): readonly DefinitionNode[] {
  const used = mentionedNames(definitions);
  return mapFields(definitions, (type, field) => [
    {
      ...field,
      directives: (field.directives ?? []).filter(
        (directive) =>
          !isExternal(directive) ||
          used.has(`${graphOf(directive)} ${field.name.value}`) ||
          isInherited(supergraph, type, originalName(field.name.value), graphOf(directive)),
      ),
    },
  ]);
}

/** `GRAPH field` for each name in the field sets of a subgraph. */
function mentionedNames(definitions: readonly DefinitionNode[]): ReadonlySet<string> {
  const mentioned = new Set<string>();
  for (const definition of definitions)
    visit(definition, {
      Directive(node) {
        const directive = node as ConstDirectiveNode;
        for (const argument of ['key', 'requires', 'provides'])
          for (const name of fieldNames(directive, argument)) mentioned.add(`${graphOf(directive)} ${name}`);
      },
    });
  return mentioned;
}

export function isExternal(directive: ConstDirectiveNode): boolean {
  const value = argumentOf(directive, 'external');
  return directive.name.value === 'join__field' && value?.kind === Kind.BOOLEAN && value.value;
}

/** Whether the type has the field from an interface that it implements in the subgraph. */
export function isInherited(
  supergraph: GraphQLSchema,
  { directives }: TypeNode,
  field: string,
  graph: string,
): boolean {
  return (directives ?? []).some((directive) => {
    const name = argumentOf(directive, 'interface');
    if (name?.kind !== Kind.STRING || graphOf(directive) !== graph) return false;
    const type = supergraph.getType(name.value);
    return isInterfaceType(type) && Object.hasOwn(type.getFields(), field);
  });
}
