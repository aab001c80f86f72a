import {
  buildASTSchema,
  type ConstDirectiveNode,
  type DefinitionNode,
  type FieldDefinitionNode,
  type GraphQLSchema,
  type InterfaceTypeDefinitionNode,
  isInterfaceType,
  Kind,
  type ObjectTypeDefinitionNode,
  type TypeNode as TypeReferenceNode,
} from 'graphql';
import { argumentOf, coordinatesOf, graphOf } from './field-sets.ts';

export type TypeNode = Extract<
  DefinitionNode,
  { readonly fields?: readonly FieldDefinitionNode[] | undefined }
>;

export function mapFields(
  definitions: readonly DefinitionNode[],
  map: (type: TypeNode, field: FieldDefinitionNode) => readonly FieldDefinitionNode[],
): readonly DefinitionNode[] {
  return definitions.map((type) =>
    isTypeNode(type) ? { ...type, fields: type.fields?.flatMap((field) => map(type, field)) ?? [] } : type,
  );
}

function isTypeNode(
  definition: DefinitionNode,
): definition is ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode {
  return (
    definition.kind === Kind.OBJECT_TYPE_DEFINITION || definition.kind === Kind.INTERFACE_TYPE_DEFINITION
  );
}

/** Takes away what a subgraph names as `@external` and uses in no field set, but where an interface wants it there. */
export function dropUnusedExternals(
  definitions: readonly DefinitionNode[],
  supergraph: GraphQLSchema,
  originalName: (field: string) => string,
): readonly DefinitionNode[] {
  const used = mentionedFields(definitions);
  return mapFields(definitions, (type, field) => [
    {
      ...field,
      directives: (field.directives ?? []).filter(
        (directive) =>
          !isExternal(directive) ||
          used.has(`${graphOf(directive)} ${type.name.value}.${field.name.value}`) ||
          used.has(`${graphOf(directive)} ${field.name.value}`) ||
          isInherited(supergraph, type, originalName(field.name.value), graphOf(directive)),
      ),
    },
  ]);
}

/** `GRAPH Type.field` for each field in the field sets of a subgraph; `GRAPH field` where its type is not known. */
function mentionedFields(definitions: readonly DefinitionNode[]): ReadonlySet<string> {
  const schema = buildASTSchema({ kind: Kind.DOCUMENT, definitions }, { assumeValid: true });
  const mentioned = new Set<string>();
  const mention = (directive: ConstDirectiveNode, argument: string, typeName: string) => {
    const set = argumentOf(directive, argument);
    if (set?.kind !== Kind.STRING) return;
    for (const field of coordinatesOf(schema, typeName, set.value))
      mentioned.add(`${graphOf(directive)} ${field}`);
  };
  mapFields(definitions, (type, field) => {
    for (const directive of field.directives ?? []) {
      mention(directive, 'requires', type.name.value);
      mention(directive, 'provides', namedTypeOf(field.type));
    }
    return [field];
  });
  for (const definition of definitions)
    if (isTypeNode(definition))
      for (const directive of definition.directives ?? []) mention(directive, 'key', definition.name.value);
  return mentioned;
}

function namedTypeOf(type: TypeReferenceNode): string {
  return type.kind === Kind.NAMED_TYPE ? type.name.value : namedTypeOf(type.type);
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
