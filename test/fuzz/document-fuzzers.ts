import fc from 'fast-check';
import { createFindDocument } from '../../gateway/documents/find-document.ts';
import { createDocumentCheck } from '../support/document-check.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { generateDocument } from '../support/generated-document.ts';
import { openGuardedFederation, rightsOf } from '../support/guarded-federation.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { accepted, type Fuzzer } from './fuzzer.ts';
import { damaged, json, soup } from './texts.ts';

const federation = openGuardedFederation({
  one: {
    sdl: `
      scalar JSON
      directive @listSize(assumedSize: Int) on FIELD_DEFINITION
      type Query { a: Node b(i: Int, s: String, j: JSON, in: In, l: [[Int!]]): String nodes: [Node!]! either: Either secret: Node @requiresScopes(scopes: [["s"]]) }
      type Mutation { change(in: In!): Node }
      input In { in: In list: [In!] i: Int! = 1 e: E }
      enum E { ONE TWO }
      interface Named { name: String }
      type Node implements Named @key(fields: "id") { id: ID! name: String a: Node nodes: [Node] secret: String @requiresScopes(scopes: [["s"]]) }
      type Other implements Named { name: String a: Node }
      union Either = Node | Other
    `,
    resolvers: {
      Query: { a: () => ({ id: '1', name: 'x' }), b: () => 'x', nodes: () => [{ id: '1' }], either: () => ({ __typename: 'Other', name: 'y' }) },
      Mutation: { change: () => ({ id: '2' }) },
      Either: { __resolveType: (value: { __typename?: string }) => value.__typename ?? 'Node' },
      Named: { __resolveType: (value: { __typename?: string }) => value.__typename ?? 'Node' },
    },
  },
}); // prettier-ignore
const gateways = (['aduana', 'apollo'] as const).map((executor) =>
  federation.openGateway('filter', executor),
);
const check = createDocumentCheck(federation.supergraph);
const WORDS = [
  '{', '}', '{', '}', '(', ')', '[', ']', ':', '$', '@', '!', '=', '...', '... on', 'query', 'mutation', 'subscription', 'fragment F on Query', '...F', '...F', 'a', 'b', 'nodes', 'either', 'secret', 'id', 'name',
  'Node', 'Other', 'Named', 'In', 'Query', '__typename', '__schema', '__type(name: "In")', '__proto__', 'constructor', 'i:', 's:', 'in:', 'l:', 'j:', '1', '-1', '1e999', '"x"', '"""x"""', 'null', 'true', 'ONE', '$v', '$v: Int', '$__proto__: JSON',
  '@skip(if: true)', '@include(if: $v)', '@defer', '@stream', '#', '\\u{110000}', '"\\ud800"', ',',
]; // prettier-ignore
const GOOD = [
  'query Q($v: Int = 1, $in: In) { a { id name a { ...F } } b(i: $v, in: $in, l: [[1]], j: {a: [1, "x"]}) ...G } fragment F on Node { nodes { id @skip(if: true) } } fragment G on Query { either { __typename ... on Node { id } ... on Named { name } } }',
  'mutation M($in: In!) { change(in: $in) { id secret } }',
  '{ __schema { types { name fields { name type { name ofType { name } } } } } __type(name: "In") { inputFields { name } } }',
  '{ secret { id } nodes { a { a { name } } x: name } }',
];
const CALLERS = [
  { authenticated: true, scopes: [], policies: [] },
  { authenticated: true, scopes: ['s'], policies: [] },
  { authenticated: false, scopes: [], policies: [] },
];
const generated = fc.nat(1_000_000_000).map((seed) => {
  const random = createSeededRandom(seed);
  return generateDocument(federation.supergraph.apiSchema, (count) => Math.floor(random() * count)).text;
});

export const documentFuzzers: readonly Fuzzer[] = [
  {
    name: 'documents and variables, from the parser to the answer',
    property: fc.asyncProperty(
      fc.oneof(damaged(GOOD, WORDS), soup(WORDS), generated),
      fc.dictionary(fc.constantFrom('v', 'in', '__proto__', 'constructor', 'x'), json),
      fc.constantFrom(...CALLERS),
      async (document, variables, caller) => {
        const { code, status } = check(document, variables);
        if (code !== 'VALID' && (status ?? 500) >= 500) throw new Error(code);
        if (code !== 'VALID') return;
        for (const gateway of gateways) await accepted(() => gateway({ document, variables, caller }));
      },
    ),
  },
  {
    name: 'extensions',
    property: fc.asyncProperty(json, fc.constantFrom('{a}', '', undefined), async (extension, query) => {
      const find = createFindDocument({ trusted: undefined, persisted: true, clock: createFakeClock() });
      const extensions = { persistedQuery: extension };
      const request = {
        query,
        extensions,
        variables: {},
        values: 0,
        operationName: undefined,
        queriesOnly: false,
      };
      await accepted(() => find(request, rightsOf(CALLERS[0] as (typeof CALLERS)[0])));
    }),
  },
];
