import { buildSubgraphSchema } from '@apollo/subgraph';
import { guardSchema as guardByShield } from '@aduana/server-kit/graphql/guard';
import type { VerifiedToken } from '@aduana/core/tokens/access-token';
import { guardSchema } from '@aduana/subgraph';
import { expect, test } from '@jest/globals';
import { execute, GraphQLError, type GraphQLSchema, isObjectType, parse, subscribe } from 'graphql';
import { FEDERATION_LINK } from '../../../support/supergraph-of.ts';
import { createSeededRandom } from '../../../support/seeded-random.ts';

const SCHEMAS = Number(process.env['GUARD_SCHEMAS'] ?? 15);
const TOKENS_PER_SCHEMA = 12;
const SCOPES = ['s0', 's1', 's2'];
const POLICIES = ['p0', 'p1'];
const OBJECTS = ['A', 'B', 'C'] as const;
const MODES = ['filter', 'reject', 'dry_run'] as const;

type Draw = (below: number) => number;

const some = <Item>(items: readonly Item[], draw: Draw): Item[] => items.filter(() => draw(2) === 0);

/** None, one or several of the three directives; a list of lists of names for two of them. */
function directives(draw: Draw): string {
  if (draw(2) === 0) return '';
  const lists = (names: readonly string[]) => {
    const one = () =>
      `[${names
        .filter((_, at) => at === 0 || draw(2) === 0)
        .map((name) => `"${name}"`)
        .join(', ')}]`;
    return `[${draw(2) === 0 ? one() : `${one()}, ["${names.at(-1) ?? ''}"]`}]`;
  };
  const shuffled = (names: readonly string[]) => (draw(2) === 0 ? names : [...names].reverse());
  const chosen = [
    ...(draw(3) === 0 ? ['@authenticated'] : []),
    ...(draw(2) === 0 ? [`@requiresScopes(scopes: ${lists(shuffled(SCOPES))})`] : []),
    ...(draw(3) === 0 ? [`@policy(policies: ${lists(shuffled(POLICIES))})`] : []),
  ];
  return chosen.join(' ');
}

/** Object types that implement an interface, a union of them, a guarded scalar and enum, lists and entities. */
function drawSdl(draw: Draw): string {
  const fields = (indent = '') =>
    [
      `plain: String ${directives(draw)}`,
      `sealed: Sealed ${directives(draw)}`,
      `kind: Kind ${directives(draw)}`,
      `node: Node ${directives(draw)}`,
      `nodes: [Node] ${directives(draw)}`,
      `any: [Any] ${directives(draw)}`,
      ...OBJECTS.map(
        (name) => `${name.toLowerCase()}: ${draw(2) === 0 ? name : `[${name}]`} ${directives(draw)}`,
      ),
    ].join(`\n${indent}`);
  return `${FEDERATION_LINK}
    scalar Sealed ${directives(draw)}
    enum Kind ${directives(draw)} { ONE TWO }
    interface Node ${directives(draw)} { id: ID ${directives(draw)} }
    union Any = ${OBJECTS.join(' | ')}
    type Query ${directives(draw)} { ${fields()} }
    type Mutation { act: A ${directives(draw)} }
    ${OBJECTS.map((name) => `type ${name} implements Node @key(fields: "id") ${directives(draw)} { id: ID ${directives(draw)} ${fields()} }`).join('\n')}`;
}

function open(sdl: string, calls: string[]): GraphQLSchema {
  // @apollo/subgraph refuses directives on interfaces, other libraries do not; the guards read the SDL alone.
  const served = sdl.replace(/^ *interface .*$/m, 'interface Node { id: ID }');
  const schema = buildSubgraphSchema({ typeDefs: parse(served) });
  const instance = (name: string) => ({ __typename: name, id: '1' });
  for (const type of Object.values(schema.getTypeMap())) {
    if (type.name === 'Any' || type.name === 'Node')
      Object.assign(type, { resolveType: (value: { __typename: string }) => value.__typename });
    if (!isObjectType(type) || type.name.startsWith('_')) continue;
    for (const field of Object.values(type.getFields())) {
      if (field.name.startsWith('_')) continue;
      const text = String(field.type);
      const name = /[ABC]/.exec(text)?.[0] ?? 'A';
      const value = /Sealed|String|ID/.test(text)
        ? 'x'
        : /Kind/.test(text)
          ? 'ONE'
          : instance(/Node|Any/.test(text) ? 'B' : name);
      field.resolve = () => {
        calls.push(`${type.name}.${field.name}`);
        return text.startsWith('[') ? [value, value] : value;
      };
    }
  }
  return schema;
}

const LEAVES = 'plain sealed kind';
const DEEP = `${LEAVES} node { id ... on B { ${LEAVES} } } nodes { id } any { ... on B { id plain } }`;
const OPERATIONS = [
  `{ ${DEEP} a { id ${DEEP} b { id ${LEAVES} } } b { ${DEEP} } c { c { c { ${LEAVES} } } } __typename }`,
  `mutation { act { id ${LEAVES} } }`,
  `{ _entities(representations: [{ __typename: "A", id: "1" }, { __typename: "C", id: "1" }]) { ... on A { id ${LEAVES} } ... on C { id ${LEAVES} } } }`,
  '{ _service { sdl } }',
];

function drawToken(coordinates: readonly string[], draw: Draw): VerifiedToken | undefined {
  if (draw(8) === 0) return undefined;
  const scopes = some(SCOPES, draw);
  return {
    kid: 'k',
    scopes: new Set(scopes),
    claims: {
      iss: 'https://sts', aud: 'leads', sub: 'bff', client_id: 'bff', jti: 'j', iat: 0, exp: 1, scope: scopes.join(' '),
      roles: [], amr: [], auth_time: 0, root_jti: 'j', sub_kind: 'service', sub_iss: 'https://sts',
      ...(draw(2) === 0 ? {} : { policies: some(POLICIES, draw) }),
      ...(draw(2) === 0 ? {} : { join: coordinates.filter(() => draw(4) === 0) }),
    },
  }; // prettier-ignore
}

async function decisions(
  schema: GraphQLSchema,
  operation: string,
  token: VerifiedToken | undefined,
  calls: string[],
) {
  calls.length = 0;
  const { data, errors = [] } = await execute({
    schema,
    document: parse(operation),
    contextValue: { token },
  });
  const refused = errors.map(({ path, originalError }) => [
    path?.join('.'),
    (originalError as { code?: unknown }).code,
  ]);
  return {
    data: JSON.parse(JSON.stringify(data ?? null)) as unknown,
    refused: refused.sort(),
    calls: [...calls].sort(),
  };
}

test('both guards take the same decisions over generated schemas and tokens', async () => {
  let refusals = 0;
  let resolved = 0;
  for (let seed = 0; seed < SCHEMAS; seed += 1) {
    const random = createSeededRandom(seed);
    const draw: Draw = (below) => Math.floor(random() * below);
    const sdl = drawSdl(draw);
    const mode = MODES[draw(6)] ?? 'filter';
    const calls: string[] = [];
    const own = guardSchema(open(sdl, calls), sdl, { mode });
    const shielded = guardByShield(open(sdl, calls), sdl, { mode });
    const coordinates = [...OBJECTS, 'Query'].flatMap((type) =>
      Object.keys((own.getType(type) as { getFields(): object }).getFields()).map(
        (field) => `${type}.${field}`,
      ),
    );
    for (let at = 0; at < TOKENS_PER_SCHEMA; at += 1) {
      const token = drawToken(coordinates, draw);
      for (const operation of OPERATIONS) {
        const ours = await decisions(own, operation, token, calls);
        expect({ seed, operation, ...ours }).toEqual({
          seed,
          operation,
          ...(await decisions(shielded, operation, token, calls)),
        });
        refusals += ours.refused.length;
        resolved += ours.calls.length;
      }
    }
  }
  expect(refusals).toBeGreaterThan(SCHEMAS * 10);
  expect(resolved).toBeGreaterThan(SCHEMAS * 10);
});

test.each([
  ['the guard of @aduana/subgraph', guardSchema],
  ['the guard of our own subgraphs', guardByShield],
])('a refused subscription opens no stream, by %s', async (_whose, guard) => {
  const sdl = `${FEDERATION_LINK} type Query { a: Int } type Subscription { changed: Int @requiresScopes(scopes: [["s0"]]) }`;
  const opened: string[] = [];
  const open = buildSubgraphSchema({
    typeDefs: parse(sdl),
    resolvers: {
      Subscription: {
        changed: {
          async *subscribe() {
            opened.push('stream');
            yield await Promise.resolve(1);
          },
          resolve: (changed: number) => changed,
        },
      },
    },
  });
  const schema = guard(open, sdl);
  const ask = (scopes: string[]) =>
    subscribe({
      schema,
      document: parse('subscription { changed }'),
      contextValue: { token: { scopes: new Set(scopes), claims: {} } },
    });
  const refused = await ask([]);
  expect('errors' in refused && refused.errors[0]).toBeInstanceOf(GraphQLError);
  expect(opened).toEqual([]);
  const stream = (await ask(['s0'])) as AsyncGenerator<{ data: unknown }>;
  expect((await stream.next()).value).toMatchObject({ data: { changed: 1 } });
});
