import { type ConstDirectiveNode, type DefinitionNode, type GraphQLSchema, Kind } from 'graphql';
import { argumentOf, coordinatesOf } from './field-sets.ts';
import { mapFields } from './join-fields.ts';

/** What fields require each other, by their coordinates. */
export interface RequireLevels {
  /** How many fields with `@requires`, each of which needs the one before, end with this one; 0 for others. */
  levelOf(coordinate: string): number;
  /** Whether a field with `@requires` needs it. */
  isRequired(coordinate: string): boolean;
}

/** Finds the level of each field of a supergraph. Fields that require each other, directly or not, end the chain. */
export function createRequireLevels(
  definitions: readonly DefinitionNode[],
  schema: GraphQLSchema,
): RequireLevels {
  const requires = new Map<string, ReadonlySet<string>>();
  mapFields(definitions, (type, field) => {
    const sets = (field.directives ?? []).flatMap((directive) => requiredSet(directive) ?? []);
    const coordinates = sets.flatMap((set) => coordinatesOf(schema, type.name.value, set));
    if (sets.length > 0) requires.set(`${type.name.value}.${field.name.value}`, new Set(coordinates));
    return [field];
  });
  const known = new Map<string, number>();
  const levelOf = (coordinate: string): number => {
    const inputs = requires.get(coordinate);
    if (inputs === undefined) return 0;
    const level = known.get(coordinate);
    if (level !== undefined) return level;
    known.set(coordinate, 1); // fields that require each other end here
    const found = 1 + Math.max(0, ...[...inputs].map(levelOf));
    known.set(coordinate, found);
    return found;
  };
  const required = new Set([...requires.values()].flatMap((inputs) => [...inputs]));
  return { levelOf, isRequired: (coordinate) => required.has(coordinate) };
}

/** The field set of `requires` in a `@join__field`; undefined in any other directive. */
export function requiredSet(directive: ConstDirectiveNode): string | undefined {
  const value = directive.name.value === 'join__field' ? argumentOf(directive, 'requires') : undefined;
  return value?.kind === Kind.STRING ? value.value : undefined;
}
