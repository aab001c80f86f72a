import { OBJECTS } from './federation-model.ts';
import type { OracleGuard, OracleObject } from './oracle-world.ts';
import type { GuardedSubgraph } from './guarded-federation.ts';
import type { FieldModel, GeneratedFederation, TypeModel } from './federation-model.ts';

export function subgraph(
  name: 'one' | 'two',
  { fields, possible }: TypeModel,
  guards: ReadonlyMap<string, OracleGuard>,
  resolve: GeneratedFederation['resolve'],
): GuardedSubgraph {
  const here = (type: string) => (fields.get(type) ?? []).filter((field) => field.subgraph === name);
  const onlyOne = (coordinate: string) => (name === 'one' ? spell(guards.get(coordinate)) : '');
  const body = (type: string) =>
    here(type).map((field) => `${field.name}: ${typeText(field)} ${type.startsWith('I') ? '' : spell(guards.get(`${type}.${field.name}`))}`).join('\n'); // prettier-ignore
  const interfacesOf = (type: string) =>
    name === 'one' ? ['I0', 'I1'].filter((one) => possible.get(one)?.includes(type)) : [];
  const implementing = (type: string) =>
    interfacesOf(type).length > 0 ? `implements ${interfacesOf(type).join(' & ')}` : '';
  const sdl = [
    `type Query ${onlyOne('Query')} { ${body('Query')} }`,
    `type Mutation ${onlyOne('Mutation')} { ${body('Mutation')} }`,
    `scalar Sealed ${onlyOne('Sealed')}`,
    `enum Grade ${onlyOne('Grade')} { HIGH LOW }`,
    ...OBJECTS.map(
      (type) =>
        `type ${type} ${implementing(type)} @key(fields: "id") ${onlyOne(type)} { id: ID! ${onlyOne(`${type}.id`)} ${body(type)} }`,
    ),
    ...(name === 'one'
      ? [
          ...['I0', 'I1'].map(
            (type) =>
              `interface ${type} ${type === 'I0' ? '@key(fields: "id") { id: ID!' : '{'} ${body(type)} }`,
          ),
          `union U0 = ${possible.get('U0')?.join(' | ') ?? ''}`,
        ]
      : []),
  ].join('\n');
  const typed = { __resolveType: ({ __typename }: OracleObject) => __typename };
  const resolvers = Object.fromEntries(
    ['Query', 'Mutation', ...OBJECTS].map((type) => [
      type,
      {
        ...Object.fromEntries(
          here(type).map((field) => [
            field.name,
            (parent: { id?: unknown } | undefined) =>
              resolve({ __typename: type, id: parent?.id }, field.name),
          ]),
        ),
        ...(type.startsWith('O') && {
          __resolveReference: ({ id }: { id: string }) => ({ __typename: type, id }),
        }),
      },
    ]),
  );
  return { sdl, resolvers: name === 'one' ? { ...resolvers, I0: typed, I1: typed, U0: typed } : resolvers };
}

export function interfaceObject(
  { fields }: TypeModel,
  guards: ReadonlyMap<string, OracleGuard>,
  resolve: GeneratedFederation['resolve'],
): GuardedSubgraph {
  const own = (fields.get('I0') ?? []).filter((field) => field.subgraph === 'three');
  const body = own.map(
    (field) => `${field.name}: ${typeText(field)} ${spell(guards.get(`I0.${field.name}`))}`,
  );
  const resolvers = own.map((field) => [
    field.name,
    ({ id }: { id: string }) => resolve({ __typename: 'I0', id }, field.name),
  ]);
  return {
    sdl: `type I0 @key(fields: "id") @interfaceObject { id: ID! ${body.join(' ')} }`,
    resolvers: {
      I0: { ...Object.fromEntries(resolvers), __resolveReference: ({ id }: { id: string }) => ({ id }) },
    },
  };
}

function typeText({ base, wraps }: FieldModel): string {
  return wraps.reduce<string>((text, wrap) => (wrap === '!' ? `${text}!` : `[${text}]`), base);
}

function spell(guard_: OracleGuard | undefined): string {
  if (guard_ === undefined) return '';
  return [
    guard_.authenticated === true ? '@authenticated' : '',
    guard_.scopes === undefined ? '' : `@requiresScopes(scopes: ${JSON.stringify(guard_.scopes)})`,
    guard_.policies === undefined ? '' : `@policy(policies: ${JSON.stringify(guard_.policies)})`,
  ].join(' ');
}
