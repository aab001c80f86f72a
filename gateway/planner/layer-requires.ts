import type { QueryPlan } from '@apollo/query-planner';
import {
  type ASTNode,
  buildASTSchema,
  type ConstDirectiveNode,
  type ConstValueNode,
  type DefinitionNode,
  type EnumValueDefinitionNode,
  type FieldDefinitionNode,
  type GraphQLSchema,
  Kind,
  parse,
  print,
  visit,
} from 'graphql';
import { argumentOf, graphOf } from './field-sets.ts';
import { dropUnusedExternals, isInherited, mapFields, type TypeNode } from './join-fields.ts';
import { type Copies, readCopies } from './require-copies.ts';
import { requiredSet } from './require-levels.ts';
import { mapFetches } from './traverse-plan.ts';

/** A supergraph for the planner in which each subgraph appears several times. */
export interface LayeredRequires {
  readonly sdl: string;
  /** A plan over it as one over the supergraph that it was made of. */
  restore(plan: QueryPlan): QueryPlan;
}

/**
 * The planner (2.14.4) loses its way where a field with `@requires` needs another one of a subgraph that it comes from:
 * it asks that subgraph for the field at once, without its inputs. From one subgraph to another it never does that, so
 * each subgraph gets a copy for each level of its fields with `@requires` (or several: `readCopies`), which alone resolves
 * those fields: the planner then has to enter the copy by a key, with the inputs. Undefined where no field requires another
 * such field.
 */
export function layerRequires(sdl: string): LayeredRequires | undefined {
  const document = parse(sdl, { noLocation: true });
  const schema = buildASTSchema(document, { assumeValid: true });
  const copies = readCopies(document.definitions, schema, sdl);
  if (copies === undefined) return undefined;
  const roots = new Set(
    [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].map((type) => type?.name),
  );
  const layered = mapFields(document.definitions, (type, field) => [
    {
      ...field,
      directives: roots.has(type.name.value)
        ? (field.directives ?? [])
        : joinsOf(copies, type, field).flatMap((directive) =>
            layerField(schema, copies, type, field, directive),
          ),
    },
  ]).map((definition) => copyDirectives(definition, copies));
  const definitions = dropUnusedExternals(layered, schema, (name) => name);
  const subgraphs = new Map(
    [...copies.values()].flat().map(({ subgraph, original }) => [subgraph, original]),
  );
  return {
    sdl: print({ ...document, definitions }),
    restore: (plan) =>
      mapFetches(plan, (fetch) => ({
        ...fetch,
        serviceName: subgraphs.get(fetch.serviceName) ?? fetch.serviceName,
      })),
  };
}

/** The directives of a field; where it has none because it is in each subgraph of its type, and a copy lacks it, all. */
function joinsOf(
  copies: Copies,
  { name: { value: typeName }, directives: ofType = [] }: TypeNode,
  { name: { value: fieldName }, directives = [] }: FieldDefinitionNode,
): readonly ConstDirectiveNode[] {
  if (directives.some(({ name }) => name.value === 'join__field')) return directives;
  const graphs = new Set(ofType.filter(({ name }) => name.value === 'join__type').map(graphOf));
  const isLacked = [...graphs]
    .flatMap((graph) => copies.get(graph) ?? [])
    .some(({ lacks }) => lacks.has(`${typeName}.${fieldName}`));
  return isLacked ? [...directives, ...[...graphs].map(joinField)] : directives;
}

function joinField(graph: string): ConstDirectiveNode {
  return {
    kind: Kind.DIRECTIVE,
    name: nameNode('join__field'),
    arguments: [{ kind: Kind.ARGUMENT, name: nameNode('graph'), value: { kind: Kind.ENUM, value: graph } }],
  };
}

function nameNode(value: string) {
  return { kind: Kind.NAME, value } as const;
}

/** What of one of its directives a field has in the subgraph and in the copies of it. */
function layerField(
  schema: GraphQLSchema,
  copies: Copies,
  type: TypeNode,
  field: FieldDefinitionNode,
  directive: ConstDirectiveNode,
): readonly ConstDirectiveNode[] {
  const graph = graphOf(directive);
  const own = copies.get(graph) ?? [];
  if (directive.name.value !== 'join__field' || own.length === 0) return [directive];
  const coordinate = `${type.name.value}.${field.name.value}`;
  if (requiredSet(directive) === undefined)
    return [
      directive,
      ...own.map((copy) =>
        inGraph(copy.lacks.has(coordinate) ? asExternal(directive) : directive, copy.graph),
      ),
    ];
  // Where an interface wants the field it has to stay, though only one of the copies resolves it.
  const rest = isInherited(schema, type, field.name.value, graph) ? [asExternal(directive)] : [];
  return [
    ...rest,
    ...own.flatMap((copy) =>
      copy.resolves.has(coordinate)
        ? [inGraph(directive, copy.graph)]
        : rest.map((external) => inGraph(external, copy.graph)),
    ),
  ];
}

function inGraph(directive: ConstDirectiveNode, graph: string): ConstDirectiveNode {
  return withArgument(directive, 'graph', { kind: Kind.ENUM, value: graph });
}

/** The directive with another value of an argument that it has. */
function withArgument(
  directive: ConstDirectiveNode,
  name: string,
  value: ConstValueNode,
): ConstDirectiveNode {
  return {
    ...directive,
    arguments: (directive.arguments ?? []).map((argument) =>
      argument.name.value === name ? { ...argument, value } : argument,
    ),
  };
}

function asExternal(directive: ConstDirectiveNode): ConstDirectiveNode {
  return {
    ...directive,
    arguments: [
      ...(directive.arguments ?? []).filter((argument) => ['graph', 'type'].includes(argument.name.value)),
      { kind: Kind.ARGUMENT, name: nameNode('external'), value: { kind: Kind.BOOLEAN, value: true } },
    ],
  };
}

/** A definition with all that it is in a subgraph in the copies as well, but for the fields of objects and interfaces. */
function copyDirectives(definition: DefinitionNode, copies: Copies): DefinitionNode {
  if (definition.kind === Kind.ENUM_TYPE_DEFINITION && definition.name.value === 'join__Graph')
    return {
      ...definition,
      values: (definition.values ?? []).flatMap((value) => [value, ...graphCopies(value, copies)]),
    };
  return visit(definition, {
    enter(node: ASTNode) {
      if (node.kind === Kind.FIELD_DEFINITION) return false;
      const applied = 'directives' in node ? (node.directives as readonly ConstDirectiveNode[]) : [];
      if (applied.length === 0) return undefined;
      const directives = applied.flatMap((directive) => [
        directive,
        ...(copies.get(graphOf(directive)) ?? []).map(({ graph }) => inGraph(directive, graph)),
        ...contextCopies(directive, copies),
      ]);
      return { ...node, directives };
    },
  });
}

/** A type that sets a context, named `subgraph__context`, sets it in each copy of that subgraph as well. */
function contextCopies(directive: ConstDirectiveNode, copies: Copies): readonly ConstDirectiveNode[] {
  const value = directive.name.value === 'context' ? argumentOf(directive, 'name') : undefined;
  if (value?.kind !== Kind.STRING) return [];
  const end = value.value.lastIndexOf('__');
  return [...copies.values()]
    .flat()
    .filter(({ original }) => original === value.value.slice(0, end))
    .map(({ subgraph }) =>
      withArgument(directive, 'name', { ...value, value: subgraph + value.value.slice(end) }),
    );
}

function graphCopies(value: EnumValueDefinitionNode, copies: Copies): readonly EnumValueDefinitionNode[] {
  return (copies.get(value.name.value) ?? []).map(({ graph, subgraph }) => ({
    ...value,
    name: { ...value.name, value: graph },
    directives: (value.directives ?? []).map((directive) =>
      withArgument(directive, 'name', { kind: Kind.STRING, value: subgraph }),
    ),
  }));
}
