import { type DefinitionNode, type EnumValueDefinitionNode, type GraphQLSchema, Kind } from 'graphql';
import { argumentOf, graphOf } from './field-sets.ts';
import { mapFields } from './join-fields.ts';
import { createRequireLevels, requiredSet, type RequireLevels } from './require-levels.ts';
import { type ObjectField, readSubgraphTypes, type SubgraphTypes } from './subgraph-types.ts';

/** One more appearance of a subgraph. */
export interface Copy {
  /** In `join__Graph`. */
  readonly graph: string;
  readonly subgraph: string;
  /** The subgraph's own name. */
  readonly original: string;
  /** The coordinates of the fields with `@requires` that are resolved there. */
  readonly resolves: ReadonlySet<string>;
  /** The coordinates of other fields that are not resolved there. */
  readonly lacks: ReadonlySet<string>;
}

/** By the name in `join__Graph`. */
export type Copies = ReadonlyMap<string, readonly Copy[]>;

/**
 * The copies that the subgraphs of a supergraph need, so that the planner can come to what is required of a copy only
 * by a key: not by a field of the copy itself, be it another one with `@requires` or a plain one. It would ask for it at
 * once there, without its inputs.
 *
 * @returns undefined where no field requires another one with `@requires`: then there is nothing to separate
 */
export function readCopies(
  definitions: readonly DefinitionNode[],
  schema: GraphQLSchema,
  sdl: string,
): Copies | undefined {
  const levels = createRequireLevels(definitions, schema);
  const requiring = new Map<string, Set<string>>();
  mapFields(definitions, (type, field) => {
    for (const directive of field.directives ?? []) {
      if (requiredSet(directive) === undefined) continue;
      const graph = graphOf(directive);
      const coordinate = `${type.name.value}.${field.name.value}`;
      requiring.set(graph, (requiring.get(graph) ?? new Set<string>()).add(coordinate));
    }
    return [field];
  });
  if (![...requiring.values()].some((found) => [...found].some((one) => levels.levelOf(one) > 1)))
    return undefined;
  let mark = 'planner';
  while (sdl.toLowerCase().includes(`__${mark}_`)) mark += 'x';
  const copies = new Map<string, readonly Copy[]>();
  for (const { name, directives = [] } of graphsOf(definitions)) {
    const value = directives.map((directive) => argumentOf(directive, 'name')).find(Boolean);
    const original = value?.kind === Kind.STRING ? value.value : name.value;
    const wanted = requiring.get(name.value);
    const parts = wanted === undefined ? [] : divide(readSubgraphTypes(schema, name.value), wanted, levels);
    copies.set(
      name.value,
      parts.map((part, index) => ({
        graph: `${name.value}__${mark.toUpperCase()}_${String(index + 1)}`,
        subgraph: `${original}__${mark}_${String(index + 1)}`,
        original,
        ...part,
      })),
    );
  }
  return copies;
}

function graphsOf(definitions: readonly DefinitionNode[]): readonly EnumValueDefinitionNode[] {
  return definitions.flatMap((definition) =>
    definition.kind === Kind.ENUM_TYPE_DEFINITION && definition.name.value === 'join__Graph'
      ? (definition.values ?? [])
      : [],
  );
}

/** Gives each level of fields with `@requires` a copy, and more where one of them leads to another that is required. */
function divide(
  types: SubgraphTypes,
  wanted: ReadonlySet<string>,
  { levelOf, isRequired }: RequireLevels,
): readonly Pick<Copy, 'resolves' | 'lacks'>[] {
  const leadsTo = (one: ObjectField, other: ObjectField) =>
    isRequired(other.coordinate) && types.below(one.result).has(other.type);
  const parts: ObjectField[][] = [];
  for (const field of types.fields.filter(({ coordinate }) => wanted.has(coordinate))) {
    const fits = (other: ObjectField) =>
      levelOf(other.coordinate) === levelOf(field.coordinate) &&
      !leadsTo(field, other) &&
      !leadsTo(other, field);
    const part = parts.find((others) => others.every(fits));
    if (part === undefined) parts.push([field]);
    else part.push(field);
  }
  return parts.map((part) => {
    const required = part.filter(({ coordinate }) => isRequired(coordinate));
    return {
      resolves: new Set(part.map(({ coordinate }) => coordinate)),
      lacks: leadingTo(types, new Set(required.map(({ type }) => type))),
    };
  });
}

/** The fields of entities that lead to objects of some types. */
function leadingTo(types: SubgraphTypes, targets: ReadonlySet<string>): ReadonlySet<string> {
  const leading = types.entityFields.filter(({ result }) => {
    const below = types.below(result);
    return [...targets].some((type) => below.has(type));
  });
  return new Set(leading.map(({ coordinate }) => coordinate));
}
