import { describe, expect, it } from '@jest/globals';
import { openFederation } from '../../../support/federation.ts';
import { createTestExecutor } from '../../../support/test-executor.ts';

interface Reference {
  readonly id: string;
}

const itself = (reference: Reference) => reference;
const ofType = (__typename: string, id: string, more: object = {}) => ({ __typename, id, ...more });
const OWNERS = { d: { id: 'p1', name: 'Ann' }, c: { id: 'p2', name: 'Bo' } };
const ownerOf = ({ id }: Reference) => OWNERS[id as 'd' | 'c'];
const bears: string[] = [];

const ZOO = openFederation({
  a: {
    sdl: `
      type Query { animals: [Animal!]!, things: [[Thing]], same: [Animal!]! }
      type Mutation { bear(id: ID!): Animal }
      interface Animal { id: ID!, owner: Person }
      type Person { id: ID!, name: String }
      type Dog implements Animal @key(fields: "id") { id: ID!, owner: Person, bark: String }
      type Cat implements Animal @key(fields: "id") { id: ID!, owner: Person }
      union Thing = Dog | Rock
      type Rock { weight: Int }
    `,
    resolvers: {
      Query: {
        animals: () => [ofType('Dog', 'd', { bark: 'wau' }), ofType('Cat', 'c'), ofType('Dog', 'd')],
        things: () => [[ofType('Dog', 'd'), null, { __typename: 'Rock', weight: 3 }], null],
        same: () => [ofType('Dog', '1'), ofType('Cat', '1')],
      },
      Mutation: {
        bear: (_: unknown, { id }: Reference) => {
          bears.push(id);
          return ofType('Cat', id);
        },
      },
      Dog: { owner: ownerOf },
      Cat: { owner: ownerOf },
    },
  },
  b: {
    sdl: `
      type Mutation { feed: Int }
      type Dog @key(fields: "id") { id: ID!, age: Int }
      type Cat @key(fields: "id") { id: ID!, age: Int, lives: Int }
    `,
    resolvers: {
      Mutation: { feed: () => bears.length },
      Dog: { __resolveReference: itself, age: ({ id }: Reference) => id.length },
      Cat: { __resolveReference: itself, age: ({ id }: Reference) => id.length + 10, lives: () => 9 },
    },
  },
});

const MEDIA = openFederation({
  a: {
    sdl: `
      type Query { all: [Media!]! best: Book }
      interface Media @key(fields: "id") { id: ID!, title: String }
      type Book implements Media @key(fields: "id") { id: ID!, title: String, pages: Int }
      type Film implements Media @key(fields: "id") { id: ID!, title: String }
    `,
    resolvers: {
      Query: { all: () => [ofType('Book', '1'), ofType('Film', '2')], best: () => ofType('Book', '1') },
      Media: {
        __resolveType: ({ id }: Reference) => (id === '1' ? 'Book' : 'Film'),
        __resolveReference: itself,
      },
      Book: { __resolveReference: itself, title: () => 'a book', pages: () => 7 },
      Film: { __resolveReference: itself, title: () => 'a film' },
    },
  },
  b: {
    sdl: `
      type Query { top: [Media!]! }
      type Media @interfaceObject @key(fields: "id") { id: ID!, stars: Int }
    `,
    resolvers: {
      Query: { top: () => [{ id: '2' }, { id: '1' }] },
      Media: { __resolveReference: itself, stars: ({ id }: Reference) => Number(id) },
    },
  },
});

/** Each subgraph has other members in its union. */
const HITS = openFederation({
  a: {
    sdl: `
      type Query { hits: [Hit] moods: [Mood] nobody: Nobody } interface Nobody { id: ID }
      union Hit = Song | Show | Draft type Song { seconds: Int } type Show { day: String }
      type Draft @inaccessible { id: ID } enum Mood { GLAD SAD @inaccessible }
    `,
    resolvers: {
      Query: {
        hits: () => [
          ofType('Song', '', { seconds: 9 }),
          ofType('Show', '', { day: 'Mo' }),
          ofType('Draft', 'd'),
        ],
        moods: () => ['GLAD', 'SAD'],
        nobody: () => null,
      },
    },
  },
  b: { sdl: 'type Query { latest: Hit } union Hit = Clip type Clip { width: Int }' },
});

const plain = createTestExecutor();
const compiled = createTestExecutor({ completion: 'compiled' });
const generatedAlone = createTestExecutor({
  completion: 'compiled',
  interpret: () => Promise.reject(new Error('the interpreter was asked')),
});

describe('generated code answers, without the interpreter and to the byte what that answers,', () => {
  it.each([
    ['an interface, its fields and those of its types', ZOO, '{ animals { id __typename ... on Dog { bark } owner { name } } }'],
    ['entities of several types in one fetch', ZOO, '{ animals { id ... on Dog { age } ... on Cat { age lives } } }'],
    ['a union in lists of lists', ZOO, '{ things { ... on Dog { id age } ... on Rock { weight } } }'],
    ['what one type alone is asked below a field that all types have', ZOO, '{ animals { ... on Dog { owner { id } age } ... on Cat { owner { name } } } }'],
    ['an alias that is a word of the code', ZOO, '{ animals { ... on Dog { MEMO: age MADE: age } made: id } }'],
    ['two types with the same key', ZOO, '{ same { ... on Dog { age } ... on Cat { age } } }'],
    ['an interface object beside objects whose types are known', MEDIA, '{ all { id stars ... on Book { pages } } }'],
    ['an interface object whose type another subgraph tells', MEDIA, '{ top { __typename stars title ... on Book { pages } } }'],
    ['an interface object whose type nobody has to tell', MEDIA, '{ top { stars } }'],
    ['an object that another subgraph calls by its interface', MEDIA, '{ best { stars ... on Media { kind: __typename stars } } }'],
    ['a union of which the subgraph asked has not all members', HITS, '{ hits { __typename ... on Song { seconds } ... on Clip { width } } }'],
    ['values that clients may not know', HITS, '{ moods hits { __typename } }'],
    ['an interface that no type implements', HITS, '{ nobody { id } }'],
    ['mutations, in their order', ZOO, 'mutation { one: bear(id: "d") { id ... on Cat { age } } feed two: bear(id: "c") { owner { name } } }'],
  ])('%s', async (_, federation, document) => {
    const expected = await federation.ask(plain, document);
    bears.length = 0;
    const { text, errors } = await federation.ask(generatedAlone, document);
    bears.length = 0;
    expect({ text, errors }).toEqual({ text: expected.text, errors: [] });
    expect(expected.errors).toEqual([]);
  }); // prettier-ignore
});

it('a field that nobody asked for is written nowhere, and moves nothing', async () => {
  const document = '{ animals { id ... on Dog { owner { name } age } } }';
  const { text } = await ZOO.ask(generatedAlone, document, {
    damage: (answer, { subgraph }) => {
      const { data, errors } = answer as { data: { animals?: object[] }; errors?: unknown };
      const animals = data.animals?.map((animal) => ({ owner: { name: 'nobody' }, ...animal }));
      return subgraph === 'a' ? { data: { animals }, errors } : answer;
    },
  });
  expect(text).toBe((await ZOO.ask(plain, document)).text);
});

it('a mutation that did not go as planned is not sent again', async () => {
  const ask = {
    damage: (answer: object, { query }: { query: string }) =>
      query.includes('bear') ? { ...answer, errors: [{ message: 'half done' }] } : answer,
  };
  const { errors, calls } = await ZOO.ask(
    compiled,
    'mutation { bear(id: "d") { id ... on Cat { age } } feed }',
    ask,
  );
  expect(errors).toMatchObject([{ extensions: { code: 'SUBGRAPH_ERROR' } }]);
  expect(calls.filter(({ query }) => query.includes('bear'))).toHaveLength(1);
});

it('types within types beyond what is worth its code are left to the interpreter', async () => {
  const names = Array.from({ length: 20 }, (_, index) => `T${String(index)}`);
  const types = names.map((name) => `type ${name} implements Node { id: ID! next: Node }`);
  const node = ofType('T7', '1', { next: ofType('T3', '2', { next: ofType('T7', '3') }) });
  const graph = openFederation({
    a: {
      sdl: `type Query { node: Node } interface Node { id: ID! next: Node } ${types.join(' ')}`,
      resolvers: { Query: { node: () => node } },
    },
  });
  const shallow = '{ node { id __typename } }';
  const deep = '{ node { id next { id next { __typename } } } }';
  expect((await graph.ask(generatedAlone, shallow)).text).toBe((await graph.ask(plain, shallow)).text);
  await expect(graph.ask(generatedAlone, deep)).rejects.toThrow('the interpreter was asked');
  expect((await graph.ask(compiled, deep)).text).toBe((await graph.ask(plain, deep)).text);
});
