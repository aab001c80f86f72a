import { isMet, type Requirement, type Rights } from '@aduana/subgraph/graphql/requirement';
import { getNamedType, isInterfaceType, isObjectType } from 'graphql';
import type { LoadedSupergraph } from './loaded-supergraph.ts';
import { spellNames } from './spell-names.ts';

/** A role, and the most that its holders can ever do. */
export interface RoleRights {
  readonly role: string;
  readonly rights: Rights;
}

/** What a new supergraph changes, by coordinate (`Type.field`), each list sorted. */
export interface SupergraphDiff {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** No directive guards them in the new supergraph, though it did before or they are new. */
  readonly newlyUnguarded: readonly string[];
  /** The requirement of a field that both have. */
  readonly changed: readonly {
    readonly coordinate: string;
    readonly before: string;
    readonly after: string;
  }[];
  /** By role, in the order given, those without a change left out. */
  readonly roles: readonly {
    readonly role: string;
    readonly won: readonly string[];
    readonly lost: readonly string[];
  }[];
}

type Guards = readonly Requirement[];

/** Compares two supergraphs field by field: what is new, what is unguarded now, and what each role wins or loses. */
export function diffSupergraphs(
  before: LoadedSupergraph,
  after: LoadedSupergraph,
  roles: readonly RoleRights[],
): SupergraphDiff {
  const [old, current] = [guardsByField(before), guardsByField(after)];
  const coordinates = [...new Set([...old.keys(), ...current.keys()])].sort();
  const both = coordinates.filter((coordinate) => old.has(coordinate) && current.has(coordinate));
  return {
    added: coordinates.filter((coordinate) => !old.has(coordinate)),
    removed: coordinates.filter((coordinate) => !current.has(coordinate)),
    newlyUnguarded: coordinates.filter(
      (coordinate) => current.get(coordinate)?.length === 0 && old.get(coordinate)?.length !== 0,
    ),
    changed: both.flatMap((coordinate) => {
      const [was, is] = [describe(old.get(coordinate)), describe(current.get(coordinate))];
      return was === is ? [] : [{ coordinate, before: was, after: is }];
    }),
    roles: roles.flatMap(({ role, rights }) => {
      const won = coordinates.filter((at) => !may(old.get(at), rights) && may(current.get(at), rights));
      const lost = coordinates.filter((at) => may(old.get(at), rights) && !may(current.get(at), rights));
      return won.length + lost.length === 0 ? [] : [{ role, won, lost }];
    }),
  };
}

function may(guards: Guards | undefined, rights: Rights): boolean {
  return guards?.every((guard) => isMet(guard, rights)) === true;
}

/** What each field asks for: its own requirement, its type's and the returned type's. */
function guardsByField({ apiSchema, requirements }: LoadedSupergraph): ReadonlyMap<string, Guards> {
  const guards = new Map<string, Guards>();
  for (const type of Object.values(apiSchema.getTypeMap())) {
    if (type.name.startsWith('__') || !(isObjectType(type) || isInterfaceType(type))) continue;
    for (const field of Object.values(type.getFields())) {
      const coordinate = `${type.name}.${field.name}`;
      const numbers = [coordinate, type.name, getNamedType(field.type).name].flatMap(
        (place) => requirements.at.get(place) ?? [],
      );
      guards.set(
        coordinate,
        [...new Set(numbers)].flatMap((number) => requirements.distinct[number] ?? []),
      );
    }
  }
  return guards;
}

function describe(guards: Guards = []): string {
  const parts = guards.flatMap(({ authenticated, scopes, policies }) => [
    ...(authenticated && scopes.length + policies.length === 0 ? ['authenticated'] : []),
    ...(scopes.length > 0 ? [`scopes ${spellNames(scopes)}`] : []),
    ...(policies.length > 0 ? [`policies ${spellNames(policies)}`] : []),
  ]);
  return parts.length === 0 ? 'open' : [...new Set(parts)].sort().join(' and ');
}
