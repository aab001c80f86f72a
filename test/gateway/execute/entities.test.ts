import { expect, it } from '@jest/globals';
import { describeCompletions, openFederation } from '../../support/federation.ts';

interface Reference {
  readonly id: string;
  readonly [key: string]: unknown;
}

const itself = (reference: Reference) => reference;

const STOCK = openFederation({
  a: {
    sdl: `
      type Query { item: Item, items: [Item] }
      type Mutation { m2: String, m4: Item }
      type Item @key(fields: "id") {
        id: ID!
        price(currency: String = "EUR"): Int @shareable
        size: Size
        secret: String @inaccessible
        parts: [Part]
      }
      type Size @shareable { width: Int height: Int }
      type Part @key(fields: "code { major minor }") { code: Code! }
      type Code @shareable { major: Int! minor: Int }
    `,
    resolvers: {
      Query: {
        item: () => ({ id: '1' }),
        items: () => [{ id: '1' }, { id: '2' }, { id: '3' }],
      },
      Mutation: { m2: () => 'two', m4: () => ({ id: '1' }) },
      Item: {
        __resolveReference: itself,
        price: ({ id }: Reference, { currency }: { currency: string }) =>
          Number(id) * (currency === 'EUR' ? 10 : 100),
        size: ({ id }: Reference) => (id === '2' ? null : { width: Number(id), height: 2 }),
        secret: ({ id }: Reference) => `s${id}`,
        parts: () => [{ code: { major: 1, minor: null } }, null, { code: { major: 2, minor: 3 } }],
      },
    },
  },
  b: {
    sdl: `
      type Query { other: String }
      type Mutation { m1: String, m3: String }
      type Item @key(fields: "id") {
        id: ID!
        price(currency: String = "EUR"): Int @external
        size: Size @external
        secret: String @external
        shipping: Int @requires(fields: "price size { width }")
        hush: String @requires(fields: "secret")
      }
      type Size @shareable { width: Int height: Int }
      type Part @key(fields: "code { major minor }") { code: Code! label: String }
      type Code @shareable { major: Int! minor: Int }
    `,
    resolvers: {
      Mutation: { m1: () => 'one', m3: () => 'three' },
      Item: {
        __resolveReference: itself,
        shipping: ({ price, size }: Reference) =>
          (price as number) + ((size as { width: number } | null)?.width ?? 1000),
        hush: ({ secret }: Reference) => `${secret as string}!`,
      },
      Part: {
        __resolveReference: itself,
        label: ({ code }: Reference) => JSON.stringify(code),
      },
    },
  },
});

describeCompletions('entities', (executor) => {
  it('a null key input is sent as null', async () => {
    const { data, errors, calls } = await STOCK.ask(executor, '{ items { id shipping } }');
    expect(errors).toEqual([]);
    expect(data).toEqual({
      items: [
        { id: '1', shipping: 11 },
        { id: '2', shipping: 1020 },
        { id: '3', shipping: 33 },
      ],
    });
    expect(calls[1]?.variables).toEqual({
      representations: [
        { __typename: 'Item', id: '1', price: 10, size: { width: 1 } },
        { __typename: 'Item', id: '2', price: 20, size: null },
        { __typename: 'Item', id: '3', price: 30, size: { width: 3 } },
      ],
    });
  });

  it('an entity whose key input did not come is not sent', async () => {
    const { data, calls } = await STOCK.ask(executor, '{ items { id shipping } }', {
      answer: ({ subgraph }) =>
        subgraph === 'a'
          ? {
              data: {
                items: [
                  { __typename: 'Item', id: '1', size: { width: 1 } },
                  { __typename: 'Item', id: '2', price: 5, size: {} },
                  { id: '4', price: 5, size: { width: 1 } },
                  { __typename: 'Item', id: '3', price: 5, size: { width: 1 } },
                ],
              },
            }
          : undefined,
    });
    expect(calls[1]?.variables['representations']).toMatchObject([{ id: '3' }]);
    expect(data).toEqual({
      items: [
        { id: '1', shipping: null },
        { id: '2', shipping: null },
        { id: '4', shipping: null },
        { id: '3', shipping: 6 },
      ],
    });
  });

  it('@requires reaches inaccessible fields, which never reach the answer', async () => {
    const { data, errors } = await STOCK.ask(executor, '{ item { hush } }');
    expect({ data, errors }).toEqual({ data: { item: { hush: 's1!' } }, errors: [] });
  });

  it('compound keys travel whole', async () => {
    const { data, calls } = await STOCK.ask(executor, '{ item { parts { label } } }');
    expect(data).toEqual({
      item: { parts: [{ label: '{"major":1,"minor":null}' }, null, { label: '{"major":2,"minor":3}' }] },
    });
    expect(calls[1]?.variables['representations']).toEqual([
      { __typename: 'Part', code: { major: 1, minor: null } },
      { __typename: 'Part', code: { major: 2, minor: 3 } },
    ]);
  });

  it('a number and a text of the same digits are two representations', async () => {
    const { calls } = await STOCK.ask(executor, '{ items { shipping } }', {
      answer: ({ subgraph }) =>
        subgraph === 'a'
          ? { data: { items: ['1', 1, '1'].map((id) => ({ __typename: 'Item', id, price: 1, size: null })) } }
          : undefined,
    });
    expect((calls[1]?.variables['representations'] as Reference[]).map(({ id }) => id)).toEqual(['1', 1]);
  });

  it('root fields of a mutation run one after the other, across subgraphs', async () => {
    const { data, calls } = await STOCK.ask(executor, 'mutation { m1 m2 m3 m4 { shipping } }');
    expect(data).toEqual({ m1: 'one', m2: 'two', m3: 'three', m4: { shipping: 11 } });
    expect(calls.map(({ subgraph }) => subgraph)).toEqual(['b', 'a', 'b', 'a', 'b']);
    expect(calls.at(-1)?.query).toMatch(/^query/);
  });

  it('a mutation that fails is not sent again, and the ones after it still run', async () => {
    const { data, errors, calls } = await STOCK.ask(executor, 'mutation { m1 m2 m3 }', {
      answer: ({ subgraph }) => {
        if (subgraph === 'a') throw new Error('boom');
        return undefined;
      },
    });
    expect(data).toEqual({ m1: 'one', m2: null, m3: 'three' });
    expect(errors).toMatchObject([{ path: ['m2'], extensions: { code: 'INTERNAL_SERVER_ERROR' } }]);
    expect(calls.map(({ subgraph }) => subgraph)).toEqual(['b', 'a', 'b']);
  });
});

const ZOO = openFederation({
  a: {
    sdl: `
      type Query { animals: [Animal], things: [Thing], nested: [[Thing]], first: Animal }
      interface Animal { id: ID! }
      type Dog implements Animal @key(fields: "id") { id: ID! bark: String }
      type Cat implements Animal @key(fields: "id") { id: ID! purr: Int }
      type Ghost implements Animal @inaccessible { id: ID! }
      union Thing = Dog | Cat | Rock
      type Rock { weight: Int }
    `,
    resolvers: {
      Query: {
        animals: () => [
          { __typename: 'Dog', id: 'd', bark: 'wau' },
          null,
          { __typename: 'Cat', id: 'c', purr: 3 },
        ],
        things: () => [
          { __typename: 'Cat', id: 'c', purr: 3 },
          { __typename: 'Rock', weight: 9 },
          null,
          { __typename: 'Dog', id: 'd', bark: 'wau' },
        ],
        nested: () => [
          [{ __typename: 'Rock', weight: 1 }, null],
          null,
          [{ __typename: 'Dog', id: 'd', bark: 'x' }],
        ],
        first: () => ({ __typename: 'Ghost', id: 'g' }),
      },
    },
  },
  b: {
    sdl: `
      type Dog @key(fields: "id") { id: ID! owner: String }
      type Cat @key(fields: "id") { id: ID! owner: String, lives: Int }
    `,
    resolvers: {
      Dog: { __resolveReference: itself, owner: ({ id }: Reference) => `owner of ${id}` },
      Cat: { __resolveReference: itself, owner: ({ id }: Reference) => `owner of ${id}`, lives: () => 9 },
    },
  },
});

describeCompletions('abstract types', (executor) => {
  it('a list of an interface is completed element by element', async () => {
    const { data, errors } = await ZOO.ask(
      executor,
      '{ animals { id ... on Dog { bark owner } ... on Cat { owner lives } __typename } }',
    );
    expect(errors).toEqual([]);
    expect(data).toEqual({
      animals: [
        { id: 'd', bark: 'wau', owner: 'owner of d', __typename: 'Dog' },
        null,
        { id: 'c', owner: 'owner of c', lives: 9, __typename: 'Cat' },
      ],
    });
  });

  it('members of a union answer to their own fragments, the same key to each its own field', async () => {
    const { data, errors } = await ZOO.ask(
      executor,
      '{ things { ... on Dog { x: bark } ... on Cat { y: purr owner } ... on Rock { z: weight } } nested { __typename ... on Dog { owner } } }',
    );
    expect(errors).toEqual([]);
    expect(data).toEqual({
      things: [{ y: 3, owner: 'owner of c' }, { z: 9 }, null, { x: 'wau' }],
      nested: [[{ __typename: 'Rock' }, null], null, [{ __typename: 'Dog', owner: 'owner of d' }]],
    });
  });

  it('one key with two types in two members is told apart', async () => {
    const { data, errors } = await ZOO.ask(
      executor,
      '{ things { ... on Dog { v: bark } ... on Cat { v: owner } ... on Rock { w: weight } } }',
    );
    expect(errors).toEqual([]);
    expect(data).toEqual({ things: [{ v: 'owner of c' }, { w: 9 }, null, { v: 'wau' }] });
  });

  it('an inaccessible runtime type becomes null, its name untold', async () => {
    const { data, errors } = await ZOO.ask(executor, '{ first { id } }');
    expect(data).toEqual({ first: null });
    expect(errors).toMatchObject([{ path: ['first'], extensions: { code: 'SUBGRAPH_ERROR' } }]);
    expect(JSON.stringify(errors)).not.toContain('Ghost');
  });

  it('a type that the subgraph cannot mean becomes null, with an error', async () => {
    const { data, errors } = await ZOO.ask(executor, '{ things { ... on Rock { weight } } }', {
      answer: () => ({
        data: { things: [{ __typename: 'Query' }, { weight: 2 }, { __typename: 'Rock', weight: 1 }] },
      }),
    });
    expect(data).toEqual({ things: [null, null, { weight: 1 }] });
    expect(errors).toMatchObject([{ path: ['things', 0] }, { path: ['things', 1] }]);
  });
});

const MEDIA = openFederation({
  a: {
    sdl: `
      type Query { all: [Media], lost: Media }
      interface Media @key(fields: "id") { id: ID! title: String }
      type Book implements Media @key(fields: "id") { id: ID! title: String pages: Int }
      type Film implements Media @key(fields: "id") { id: ID! title: String }
    `,
    resolvers: {
      Query: {
        all: () => [
          { __typename: 'Book', id: 'b', title: 'B', pages: 5 },
          { __typename: 'Film', id: 'f', title: 'F' },
        ],
      },
      Media: {
        __resolveReference: ({ id }: Reference) =>
          id === 'b'
            ? { __typename: 'Book', id, title: 'B', pages: 5 }
            : { __typename: 'Film', id, title: 'F' },
      },
      Book: { __resolveReference: ({ id }: Reference) => ({ id, title: 'B', pages: 5 }) },
      Film: { __resolveReference: ({ id }: Reference) => ({ id, title: 'F' }) },
    },
  },
  b: {
    sdl: `
      type Query { top: [Media] }
      type Media @key(fields: "id") @interfaceObject { id: ID! stars: Int }
    `,
    resolvers: {
      Query: { top: () => [{ id: 'f' }, { id: 'b' }] },
      Media: { __resolveReference: itself, stars: ({ id }: Reference) => id.length },
    },
  },
});

describeCompletions('interface objects', (executor) => {
  it('add their fields to every implementation', async () => {
    const { data, errors, calls } = await MEDIA.ask(
      executor,
      '{ all { title stars ... on Book { pages } } }',
    );
    expect(errors).toEqual([]);
    expect(data).toEqual({
      all: [
        { title: 'B', stars: 1, pages: 5 },
        { title: 'F', stars: 1 },
      ],
    });
    expect(calls[1]?.variables['representations']).toMatchObject([
      { __typename: 'Media', id: 'b' },
      { __typename: 'Media', id: 'f' },
    ]);
  });

  it('stand for an implementation whose type nobody asked for', async () => {
    const { data, errors } = await MEDIA.ask(executor, '{ top { id stars } }');
    expect({ data, errors }).toEqual({
      data: {
        top: [
          { id: 'f', stars: 1 },
          { id: 'b', stars: 1 },
        ],
      },
      errors: [],
    });
  });

  it('are told their type by the subgraph that has the interface', async () => {
    const { data, errors } = await MEDIA.ask(
      executor,
      '{ top { __typename stars title ... on Book { pages } } }',
    );
    expect(errors).toEqual([]);
    expect(data).toEqual({
      top: [
        { __typename: 'Film', stars: 1, title: 'F' },
        { __typename: 'Book', stars: 1, title: 'B', pages: 5 },
      ],
    });
  });

  it('without that subgraph become null where their type was asked for', async () => {
    const { data, errors } = await MEDIA.ask(executor, '{ top { __typename stars } }', {
      answer: ({ subgraph }) => {
        if (subgraph === 'a') throw new Error('down');
        return undefined;
      },
    });
    expect(data).toEqual({ top: [null, null] });
    expect(errors).toMatchObject([{ path: ['top'] }]);
  });
});
