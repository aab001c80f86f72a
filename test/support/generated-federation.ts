import { OBJECTS } from './federation-model.ts';
import type { OracleGuard, OracleObject } from './oracle-world.ts';
import { type Draw, hash, pick, pickSome } from './drawn-values.ts';
import { interfaceObject, subgraph } from './generated-subgraphs.ts';
import type { FieldModel, GeneratedFederation, TypeModel } from './federation-model.ts';

const SCOPES = ['a', 'b', 'c'];
const POLICIES = ['p', 'q'];
const LEAVES = ['Int', 'String', 'Sealed', 'Grade'];
const WRAPS: readonly FieldModel['wraps'][] = [
  [],
  [],
  ['!'],
  ['[]'],
  ['!', '[]', '!'],
  ['[]', '!', '[]'],
  ['!', '[]'],
];

/**
 * Makes up two subgraphs and a third one that knows I0 as an interface object, with guards in random places, and the
 * data that all of them agree on.
 */
export function generateFederation(draw: Draw, withInterfaceObject = true): GeneratedFederation {
  const types = generateTypes(draw, withInterfaceObject);
  const guards = generateGuards(types, draw);
  const salt = draw(1000);
  const resolve = ({ __typename, id }: OracleObject, field: string): unknown => {
    if (field === 'id') return id;
    const model = types.fields.get(__typename)?.find(({ name }) => name === field);
    if (model === undefined) throw new TypeError(`no field ${__typename}.${field}`);
    const owner = model.subgraph === 'three' ? 'I0' : __typename; // an interface object knows no more
    return valueFor(model, types, hash(`${owner} ${String(id)} ${field} ${String(salt)}`));
  };
  return {
    types,
    guards,
    resolve,
    subgraphs: {
      one: subgraph('one', types, guards, resolve),
      two: subgraph('two', types, guards, resolve),
      ...(withInterfaceObject && { three: interfaceObject(types, guards, resolve) }),
    },
  };
}

function generateTypes(draw: Draw, withInterfaceObject: boolean): TypeModel {
  const possible = new Map<string, readonly string[]>([
    ...OBJECTS.map((name) => [name, [name]] as const),
    ['I0', pickSome(OBJECTS, draw)],
    ['I1', pickSome(OBJECTS, draw)],
    ['U0', pickSome(OBJECTS, draw)],
  ]);
  const fields = new Map<string, FieldModel[]>();
  const added = (name: string): FieldModel => ({
    name,
    base: pick(['Int', 'String'], draw),
    wraps: pick(WRAPS, draw),
    subgraph: 'three',
  });
  const field = (name: string, owner: 'one' | 'two'): FieldModel => {
    const bases = [...LEAVES, ...OBJECTS, ...(owner === 'one' ? ['I0', 'I1', 'U0'] : [])];
    return { name, base: pick(bases, draw), wraps: pick(WRAPS, draw), subgraph: owner };
  };
  fields.set('I0', [
    field('I0f0', 'one'),
    field('I0f1', 'one'),
    ...(withInterfaceObject ? [added('I0x'), added('I0y')] : []),
  ]);
  fields.set('I1', [field('I1f0', 'one'), field('I1f1', 'one')]);
  for (const name of OBJECTS) {
    const inherited = ['I0', 'I1'].filter((one) => possible.get(one)?.includes(name));
    fields.set(name, [
      ...inherited.flatMap((one) => fields.get(one) ?? []),
      ...[0, 1, 2].map((index) => field(`${name}g${String(index)}`, draw(2) === 0 ? 'one' : 'two')),
    ]);
  }
  const composites = (owner: 'one' | 'two') => (owner === 'one' ? [...OBJECTS, 'I0', 'I1', 'U0'] : OBJECTS);
  const root = (prefix: string, owners: readonly ('one' | 'two')[]) =>
    owners.map((owner, index): FieldModel => ({
      name: `${prefix}${String(index)}`,
      base: pick(composites(owner), draw),
      wraps: pick(WRAPS, draw),
      subgraph: owner,
    }));
  fields.set('Query', root('r', ['one', 'one', 'one', 'two', 'two']));
  fields.set('Mutation', root('m', ['one', 'two']));
  return { fields, possible };
}

function generateGuards({ fields, possible }: TypeModel, draw: Draw): ReadonlyMap<string, OracleGuard> {
  const guards = new Map<string, OracleGuard>();
  const maybe = (coordinate: string, oneIn: number) => {
    if (draw(oneIn) === 0) guards.set(coordinate, guard(draw));
  };
  for (const name of [...OBJECTS, 'Sealed', 'Grade']) maybe(name, 4);
  for (const name of ['Query', 'Mutation']) maybe(name, 12);
  for (const [type, members] of fields) {
    if (type.startsWith('I')) continue;
    for (const { name, subgraph: owner } of members) if (owner !== 'three') maybe(`${type}.${name}`, 3);
    if (type.startsWith('O')) maybe(`${type}.id`, 4);
  }
  for (const { name } of fields.get('I0')?.filter(({ subgraph: owner }) => owner === 'three') ?? []) {
    maybe(`I0.${name}`, 2);
    const given = guards.get(`I0.${name}`);
    // Composition copies it to every implementer.
    if (given !== undefined)
      for (const type of possible.get('I0') ?? []) guards.set(`${type}.${name}`, given);
  }
  return guards;
}

function guard(draw: Draw): OracleGuard {
  const lists = (names: readonly string[]) =>
    Array.from({ length: 1 + draw(2) }, () => pickSome(names, draw).slice(0, 2));
  switch (draw(5)) {
    case 0:
      return { authenticated: true };
    case 1:
      return { policies: lists(POLICIES) };
    case 2:
      return { scopes: lists(SCOPES), policies: lists(POLICIES) };
    default:
      return { scopes: lists(SCOPES) };
  }
}

function valueFor({ base, wraps }: FieldModel, { possible }: TypeModel, seed: number): unknown {
  const outer = [...wraps];
  return value(outer, seed);

  function value(left: ('!' | '[]')[], at: number): unknown {
    const last = left.at(-1);
    const required = last === '!';
    const rest = required ? left.slice(0, -1) : left;
    if (!required && at % 7 === 0) return null;
    if (rest.at(-1) === '[]') {
      const inner = rest.slice(0, -1);
      return Array.from({ length: at % 3 }, (_, index) =>
        value(inner, hash(`${String(at)} ${String(index)}`)),
      );
    }
    return leaf(at);
  }

  function leaf(at: number): unknown {
    const objects = possible.get(base);
    if (objects !== undefined)
      return { __typename: pick(objects, (below) => at % below), id: String(at % 3) };
    if (base === 'Int') return at % 100;
    return base === 'Grade' ? 'HIGH' : `text ${String(at % 100)}`;
  }
}
