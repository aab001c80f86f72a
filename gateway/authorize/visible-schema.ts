import {
  buildASTSchema,
  type DefinitionNode,
  type DocumentNode,
  type FieldDefinitionNode,
  type GraphQLSchema,
  type InterfaceTypeDefinitionNode,
  Kind,
  type NamedTypeNode,
  type ObjectTypeDefinitionNode,
  type TypeNode,
  type UnionTypeDefinitionNode,
} from 'graphql';

type FieldedType = ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode;

/** What decides whether a caller sees a part of the schema. */
export interface Visibility {
  type(name: string): boolean;
  field(parent: string, name: string): boolean;
}

interface Visible {
  readonly fielded: Map<
    string,
    { readonly node: FieldedType; readonly fields: Map<string, FieldDefinitionNode> }
  >;
  readonly unions: Map<string, { readonly node: UnionTypeDefinitionNode; members: NamedTypeNode[] }>;
  /** Scalars, enums and input types. */
  readonly others: Map<string, DefinitionNode>;
}

const PLACEHOLDER: FieldDefinitionNode = {
  kind: Kind.FIELD_DEFINITION,
  name: { kind: Kind.NAME, value: '_nothing' },
  description: { kind: Kind.STRING, value: 'There is nothing here for this caller.' },
  type: { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: 'Boolean' } },
};
const BUILT_IN = new Set(['Int', 'Float', 'String', 'Boolean', 'ID']);

/**
 * The schema as one caller may see it: what is reached only through hidden fields is gone, and what is left is valid.
 *
 * @param document the printed API schema, parsed; its roots go by the names Query, Mutation and Subscription
 *   or are named in a schema definition
 */
export function buildVisibleSchema(
  document: DocumentNode,
  roots: readonly string[],
  visibility: Visibility,
): GraphQLSchema {
  const visible = select(document, visibility);
  settle(visible);
  const [query = 'Query'] = roots;
  const reached = reach(visible, [
    ...roots.filter((root) => visible.fielded.has(root)),
    ...document.definitions.flatMap(typesOfArguments),
  ]);
  reached.add(query);
  const definitions = document.definitions.flatMap((definition): DefinitionNode[] => {
    if (!('name' in definition)) return keepSchema(definition, visible, query);
    if (definition.kind === Kind.DIRECTIVE_DEFINITION) return [definition];
    return reached.has(definition.name.value) ? rebuild(definition, visible, query) : [];
  });
  return buildASTSchema({ kind: Kind.DOCUMENT, definitions }, { assumeValid: true });
}

function select({ definitions }: DocumentNode, visibility: Visibility): Visible {
  const visible: Visible = { fielded: new Map(), unions: new Map(), others: new Map() };
  for (const node of definitions) {
    switch (node.kind) {
      case Kind.OBJECT_TYPE_DEFINITION:
      case Kind.INTERFACE_TYPE_DEFINITION: {
        const type = node.name.value;
        if (!visibility.type(type)) break;
        const fields = (node.fields ?? []).filter(({ name }) => visibility.field(type, name.value));
        visible.fielded.set(type, {
          node,
          fields: new Map(fields.map((field) => [field.name.value, field])),
        });
        break;
      }
      case Kind.UNION_TYPE_DEFINITION:
        visible.unions.set(node.name.value, { node, members: [...(node.types ?? [])] });
        break;
      case Kind.SCALAR_TYPE_DEFINITION:
      case Kind.ENUM_TYPE_DEFINITION:
      case Kind.INPUT_OBJECT_TYPE_DEFINITION:
        visible.others.set(node.name.value, node);
        break;
      default:
    }
  }
  return visible;
}

/** Takes away what has lost its content, until nothing is left that points into the void. */
function settle(visible: Visible): void {
  const { fielded, unions } = visible;
  const implementers = byInterface(fielded);
  let changed = true;
  while (changed) {
    changed = false;
    for (const [name, { node, fields }] of fielded) {
      for (const [field, { type }] of fields) {
        const gone =
          !exists(visible, namedType(type)) ||
          (node.kind === Kind.INTERFACE_TYPE_DEFINITION && lacksSomewhere(name, field));
        if (gone) changed = fields.delete(field);
      }
      if (fields.size === 0) changed = fielded.delete(name);
    }
    for (const [name, union] of unions) {
      const members = union.members.filter((member) => fielded.has(member.name.value));
      if (members.length < union.members.length) changed = true;
      union.members = members;
      if (members.length === 0) changed = unions.delete(name);
    }
  }

  function lacksSomewhere(interfaceName: string, field: string): boolean {
    return (implementers.get(interfaceName) ?? []).some(
      (name) => fielded.get(name)?.fields.has(field) === false,
    );
  }
}

/** The names of the types that implement each interface. */
function byInterface(fielded: Visible['fielded']): ReadonlyMap<string, readonly string[]> {
  const implementers = new Map<string, string[]>();
  for (const [type, { node }] of fielded)
    for (const { name } of node.interfaces ?? []) {
      const known = implementers.get(name.value);
      if (known === undefined) implementers.set(name.value, [type]);
      else known.push(type);
    }
  return implementers;
}

function exists({ fielded, unions, others }: Visible, name: string): boolean {
  return BUILT_IN.has(name) || fielded.has(name) || unions.has(name) || others.has(name);
}

/** What the arguments of a directive need: every caller may use those of operations. */
function typesOfArguments(definition: DefinitionNode): string[] {
  if (definition.kind !== Kind.DIRECTIVE_DEFINITION) return [];
  return (definition.arguments ?? []).map(({ type }) => namedType(type));
}

function reach(visible: Visible, roots: readonly string[]): Set<string> {
  const reached = new Set<string>();
  const open = [...roots];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (reached.has(name)) continue;
    reached.add(name);
    open.push(...neighbours(visible, name));
  }
  return reached;
}

function neighbours({ fielded, unions, others }: Visible, name: string): string[] {
  const type = fielded.get(name);
  if (type !== undefined) {
    const implementers =
      type.node.kind === Kind.INTERFACE_TYPE_DEFINITION
        ? [...fielded.values()].filter(({ node }) => node.interfaces?.some((one) => one.name.value === name))
        : [];
    return [
      ...[...type.fields.values()].flatMap((field) => [
        namedType(field.type),
        ...(field.arguments ?? []).map((argument) => namedType(argument.type)),
      ]),
      ...(type.node.interfaces ?? []).map((one) => one.name.value).filter((one) => fielded.has(one)),
      ...implementers.map(({ node }) => node.name.value),
    ];
  }
  const input = others.get(name);
  if (input?.kind === Kind.INPUT_OBJECT_TYPE_DEFINITION) {
    return (input.fields ?? []).map((field) => namedType(field.type));
  }
  return (unions.get(name)?.members ?? []).map((member) => member.name.value);
}

function rebuild(node: DefinitionNode, { fielded, unions }: Visible, query: string): DefinitionNode[] {
  switch (node.kind) {
    case Kind.OBJECT_TYPE_DEFINITION:
    case Kind.INTERFACE_TYPE_DEFINITION: {
      const fields = [...(fielded.get(node.name.value)?.fields.values() ?? [])];
      const interfaces = (node.interfaces ?? []).filter(({ name }) => fielded.has(name.value));
      if (fields.length === 0 && node.name.value !== query) return [];
      return [{ ...node, interfaces, fields: fields.length > 0 ? fields : [PLACEHOLDER] }];
    }
    case Kind.UNION_TYPE_DEFINITION:
      return [{ ...node, types: unions.get(node.name.value)?.members ?? [] }];
    default:
      return [node];
  }
}

function keepSchema(node: DefinitionNode, { fielded }: Visible, query: string): DefinitionNode[] {
  if (node.kind !== Kind.SCHEMA_DEFINITION) return [];
  const operationTypes = node.operationTypes.filter(
    ({ type }) => type.name.value === query || fielded.has(type.name.value),
  );
  return [{ ...node, operationTypes }];
}

function namedType(type: TypeNode): string {
  return type.kind === Kind.NAMED_TYPE ? type.name.value : namedType(type.type);
}
