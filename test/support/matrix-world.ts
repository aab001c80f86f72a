import type { OracleGuard, OracleObject } from './oracle-world.ts';
import { type GuardedFederation, openGuardedFederation } from './guarded-federation.ts';

/** A federation with a guard of every kind, its data, and a count of the side effects that happened. */
export interface MatrixWorld extends GuardedFederation {
  readonly guards: ReadonlyMap<string, OracleGuard>;
  readonly resolve: (object: OracleObject, field: string) => unknown;
  readonly effects: { count: number };
}

const GUARD = '@requiresScopes(scopes: [["need", "also"], ["master"]])';
const ORACLE_GUARD: OracleGuard = { scopes: [['need', 'also'], ['master']] };
const GUARDED = [
  'Holder.field', 'Strict.field', 'Vault', 'Sealed', 'Grade', 'Hidden', 'Closed', 'Query.guardedHolder', 'Query.guardedHolders', 'Query.guardedStrict', 'Mutation.guardedTouch',
  'Mutation.guardedTouchMany', 'Mutation.guardedTouchStrict',
  'Thing.secret', 'Gadget.secret', 'Widget.secret',
]; // prettier-ignore

const FIELDS = (bang: string) => `
  id: ID!
  ok: String${bang}
  field: String${bang} FIELD_GUARD
  object: Vault${bang}
  scalar: Sealed${bang}
  enum: Grade${bang}
  node: Node${bang}
  either: Either${bang}
  thing: Thing${bang}
`;

const core = (root: string) => `
  type Query ${root} { holder: Holder holders: [[Holder]!] strict: Strict!
    guardedHolder: Holder ${GUARD} guardedHolders: [[Holder]!] ${GUARD} guardedStrict: Strict! ${GUARD} }
  type Mutation ${root} { touch: Holder touchMany: [[Holder]!] touchStrict: Strict!
    guardedTouch: Holder ${GUARD} guardedTouchMany: [[Holder]!] ${GUARD} guardedTouchStrict: Strict! ${GUARD} }
  interface Base { ${FIELDS('').replace('FIELD_GUARD', '')} }
  type Holder implements Base @key(fields: "id") { ${FIELDS('').replace('FIELD_GUARD', GUARD)} }
  type Strict @key(fields: "id") { ${FIELDS('!').replace('FIELD_GUARD', GUARD)} inner: Strict! }
  type Vault ${GUARD} { x: String! }
  scalar Sealed ${GUARD}
  enum Grade ${GUARD} { HIGH LOW }
  interface Node { id: ID! }
  type Shown implements Node { id: ID! }
  type Hidden implements Node ${GUARD} { id: ID! y: String }
  union Either = Open | Closed
  type Open { x: String! }
  type Closed ${GUARD} { x: String! }
  interface Thing @key(fields: "id") { id: ID! name: String }
  type Gadget implements Thing @key(fields: "id") { id: ID! name: String }
  type Widget implements Thing @key(fields: "id") { id: ID! name: String }
`;
const EXTRA = `type Thing @key(fields: "id") @interfaceObject { id: ID! secret: String ${GUARD} }`;

export function openMatrixWorld(guardedRoot: boolean): MatrixWorld {
  const effects = { count: 0 };
  const touch = <Value>(value: Value) => {
    effects.count += 1;
    return value;
  };
  const federation = openGuardedFederation({
    core: {
      sdl: core(guardedRoot ? GUARD : ''),
      resolvers: {
        Query: rootResolvers(['holder', 'holders', 'strict'], (value) => value),
        Mutation: rootResolvers(['touch', 'touchMany', 'touchStrict'], touch),
        Strict: { inner: () => STRICT },
        Base: { __resolveType: typenameOf },
        Node: { __resolveType: typenameOf },
        Either: { __resolveType: typenameOf },
        Thing: { __resolveType: typenameOf },
      },
    },
    extra: {
      sdl: EXTRA,
      resolvers: {
        Thing: { __resolveReference: ({ id }: { id: string }) => ({ id, secret: `secret ${id}` }) },
      },
    },
  });
  const names = guardedRoot ? [...GUARDED, 'Query', 'Mutation'] : GUARDED;
  return {
    ...federation,
    effects,
    guards: new Map(names.map((name) => [name, ORACLE_GUARD])),
    resolve: resolveValue,
  };
}

function typenameOf({ __typename }: OracleObject): string {
  return __typename;
}

function resolveValue(object: OracleObject, field: string): unknown {
  if (field === 'secret') return `secret ${String(object['id'])}`;
  if (field === 'inner') return STRICT;
  return object.__typename === 'Query' || object.__typename === 'Mutation' ? rootValue(field) : object[field];
}

function rootValue(field: string): unknown {
  const lower = field.toLowerCase();
  if (lower.endsWith('strict')) return STRICT;
  return lower.endsWith('holders') || lower.endsWith('many') ? HOLDERS : HOLDER;
}

/** Each under its own name and, guarded, under that of `guarded...`. */
function rootResolvers(names: readonly string[], answer: (value: unknown) => unknown) {
  const guarded = names.map((name) => `guarded${name.charAt(0).toUpperCase()}${name.slice(1)}`);
  return Object.fromEntries([...names, ...guarded].map((name) => [name, () => answer(rootValue(name))]));
}

const MEMBERS = {
  id: '1',
  ok: 'ok',
  field: 'field',
  object: { __typename: 'Vault', x: 'x' },
  scalar: 'scalar',
  enum: 'HIGH',
  node: { __typename: 'Hidden', id: 'h', y: 'y' },
  either: { __typename: 'Closed', x: 'x' },
  thing: { __typename: 'Gadget', id: 'g', name: 'gadget' },
};
const HOLDER: OracleObject = { __typename: 'Holder', ...MEMBERS };
const OTHER: OracleObject = {
  ...HOLDER,
  id: '2',
  node: { __typename: 'Shown', id: 's' },
  either: { __typename: 'Open', x: 'o' },
};
const HOLDERS: readonly (readonly (OracleObject | null)[])[] = [[HOLDER, null], [], [OTHER]];
const STRICT: OracleObject = { __typename: 'Strict', ...MEMBERS };
