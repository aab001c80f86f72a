import type { QueryPlan } from '@apollo/query-planner';
import {
  type FieldDefinitionNode,
  type FieldNode,
  type GraphQLSchema,
  isInterfaceType,
  isObjectType,
  Kind,
  parse,
  print,
  type SelectionSetNode,
  stripIgnoredCharacters,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { graphOf, parseSelections } from './field-sets.ts';
import { dropUnusedExternals, isExternal, mapFields } from './join-fields.ts';
import { type MadeNames, restorePlan } from './restore-plan.ts';

/** A supergraph as the planner is given it. */
export interface SeparatedRequires {
  readonly sdl: string;
  /** A plan over it as one over the supergraph that it was made of: the same fields, by aliases. */
  restore(plan: QueryPlan): QueryPlan;
}

/**
 * The planner (2.14.4) asks for what `@requires` names under the plain name of the field. It so mixes up one field with
 * several arguments, `comments(limit: 3)` that a subgraph requires with `comments(limit: 1)` of a client or of another
 * subgraph; and it asks a subgraph for a field that is `@external` there, where another one requires something below its
 * own. Gives each such use of a field a field of its own.
 */
export function separateRequires(sdl: string, supergraph: GraphQLSchema): SeparatedRequires {
  const names = new OwnNames(sdl);
  const document = parse(sdl, { noLocation: true });
  const renamed = mapFields(document.definitions, (type, field) => [
    mapSets(field, 'requires', (graph, text) =>
      renameIn(supergraph, type.name.value, text, (parent, node, place) => {
        if (!needsOwn(supergraph, parent, node.name.value, graph)) return undefined;
        const name = names.take(relatedTypes(supergraph, parent), node);
        names.use(`${type.name.value}.${field.name.value}`, place, name);
        return name;
      }),
    ),
  ]);
  if (names.originals.size === 0) return { sdl, restore: (plan) => plan };
  const copied = mapFields(renamed, (type, field) => [
    field,
    ...names.of(type.name.value, field.name.value).map((value) => ({
      ...field,
      name: { ...field.name, value },
      directives: field.directives?.filter(({ name }) => name.value === 'join__field') ?? [],
    })),
  ]);
  const definitions = dropUnusedExternals(copied, supergraph, (name) => names.originals.get(name) ?? name);
  return {
    sdl: print({ ...document, definitions }),
    restore: (plan) => restorePlan(plan, names),
  };
}

/** Names of the fields that are made, by what each is for. */
class OwnNames implements MadeNames {
  readonly originals = new Map<string, string>();
  readonly uses = new Map<string, Map<string, Set<string>>>();
  readonly #byUse = new Map<string, string>();
  readonly #byField = new Map<string, Set<string>>();
  readonly #taken: string;

  constructor(taken: string) {
    this.#taken = taken;
  }

  take(types: Iterable<string>, { name: { value: field }, arguments: given = [] }: FieldNode): string {
    const use = `${field}(${given.map(print).sort().join(', ')})`;
    let name = this.#byUse.get(use);
    for (let number = this.originals.size; name === undefined; number += 1) {
      const free = `planner__${String(number)}__${field}`;
      if (!this.#taken.includes(free)) name = free;
    }
    this.#byUse.set(use, name);
    this.originals.set(name, field);
    for (const type of types) {
      const coordinate = `${type}.${field}`;
      this.#byField.set(coordinate, (this.#byField.get(coordinate) ?? new Set()).add(name));
    }
    return name;
  }

  use(coordinate: string, place: string, name: string): void {
    const uses = this.uses.get(coordinate) ?? new Map<string, Set<string>>();
    this.uses.set(coordinate, uses.set(place, (uses.get(place) ?? new Set()).add(name)));
  }

  of(type: string, field: string): readonly string[] {
    return [...(this.#byField.get(`${type}.${field}`) ?? [])];
  }
}

/** Whether the planner could take the field, as a subgraph requires it, for another use of it. */
function needsOwn(supergraph: GraphQLSchema, typeName: string, name: string, graph: string): boolean {
  const type = supergraph.getType(typeName);
  const field = isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined;
  if (field === undefined) return false;
  const externals = (field.astNode?.directives ?? []).filter(isExternal).map(graphOf);
  return field.args.length > 0 || (externals.length > 0 && !externals.includes(graph));
}

function renameIn(
  supergraph: GraphQLSchema,
  typeName: string,
  text: string,
  rename: (parent: string, node: FieldNode, place: string) => string | undefined,
): string {
  const info = new TypeInfo(supergraph, supergraph.getType(typeName));
  const renamed: SelectionSetNode = visit(
    parseSelections(text),
    visitWithTypeInfo(info, {
      Field: {
        leave(node, _key, _parent, _path, ancestors) {
          const parent = info.getParentType();
          const fields = ancestors.filter(
            (one): one is FieldNode => 'kind' in one && one.kind === Kind.FIELD,
          );
          const place = [...fields, node].map(({ name }) => name.value).join('.');
          const value = parent ? rename(parent.name, node, place) : undefined;
          return value === undefined ? undefined : { ...node, name: { ...node.name, value } };
        },
      },
    }),
  );
  return stripIgnoredCharacters(print(renamed)).slice(1, -1);
}

/** Changes the field sets that `@join__field` has under one argument. */
function mapSets(
  field: FieldDefinitionNode,
  argument: string,
  map: (graph: string, text: string) => string,
): FieldDefinitionNode {
  const directives = (field.directives ?? []).map((directive) => {
    if (directive.name.value !== 'join__field') return directive;
    const given = (directive.arguments ?? []).map((one) =>
      one.name.value === argument && one.value.kind === Kind.STRING
        ? { ...one, value: { ...one.value, value: map(graphOf(directive), one.value.value) } }
        : one,
    );
    return { ...directive, arguments: given };
  });
  return { ...field, directives };
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
