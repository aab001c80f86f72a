import { describe, expect, it } from '@jest/globals';
import { openFederation } from '../../support/federation.ts';
import { createTestExecutor, describeCompletions } from '../../support/test-executor.ts';

const itself = (reference: object) => reference;

/** `tier` in `c` is computed from `roi` in `a`, which is computed from `budget` in `b`: films come from `a`. */
const FILMS = openFederation({
  a: {
    sdl: `
      type Query { topFilm: Film films: [Film] }
      type Film @key(fields: "id") {
        id: ID! title: String
        budget: Int @external roi: Int @requires(fields: "budget")
      }
    `,
    resolvers: {
      Query: { topFilm: () => ({ id: '1' }), films: () => [{ id: '1' }, null, { id: '2' }] },
      Film: {
        __resolveReference: itself,
        title: ({ id }: { id: string }) => `film ${id}`,
        roi: ({ budget = -1000 }: { budget?: number }) => budget * 2,
      },
    },
  },
  b: {
    sdl: 'type Film @key(fields: "id") { id: ID! budget: Int }',
    resolvers: { Film: { __resolveReference: itself, budget: ({ id }: { id: string }) => Number(id) * 10 } },
  },
  c: {
    sdl: `
      type Query { bestFilm: Film }
      type Film @key(fields: "id") { id: ID! roi: Int @external tier: String @requires(fields: "roi") }
    `,
    resolvers: {
      Query: { bestFilm: () => ({ id: '3' }) },
      Film: { __resolveReference: itself, tier: ({ roi }: { roi?: number }) => `tier ${String(roi)}` },
    },
  },
});

describeCompletions('what requires what is required', (execute) => {
  it('is answered over three subgraphs, from wherever the entity comes', async () => {
    const { data, errors } = await FILMS.ask(
      execute,
      '{ topFilm { id tier } films { title tier roi } bestFilm { tier title } }',
    );
    expect(errors).toEqual([]);
    expect(data).toEqual({
      topFilm: { id: '1', tier: 'tier 20' },
      films: [
        { title: 'film 1', tier: 'tier 20', roi: 20 },
        null,
        { title: 'film 2', tier: 'tier 40', roi: 40 },
      ],
      bestFilm: { tier: 'tier 60', title: 'film 3' },
    });
  });
});

/** Five levels over two subgraphs: `f5` (a) <- `f4` (b) <- `f3` (a) <- `f2` (b) <- `f1` (a) <- `f0` (b). */
const LONG = openFederation({
  a: {
    sdl: `
      type Query { entity: E }
      type E @key(fields: "id") {
        id: ID!
        f0: Int @external f1: Int @requires(fields: "f0")
        f2: Int @external f3: Int @requires(fields: "f2")
        f4: Int @external f5: Int @requires(fields: "f4")
      }
    `,
    resolvers: {
      Query: { entity: () => ({ id: '1' }) },
      E: {
        __resolveReference: itself,
        f1: ({ f0 }: { f0: number }) => f0 + 1,
        f3: ({ f2 }: { f2: number }) => f2 + 1,
        f5: ({ f4 }: { f4: number }) => f4 + 1,
      },
    },
  },
  b: {
    sdl: `
      type Query { other: E }
      type E @key(fields: "id") {
        id: ID! f0: Int
        f1: Int @external f2: Int @requires(fields: "f1")
        f3: Int @external f4: Int @requires(fields: "f3")
      }
    `,
    resolvers: {
      Query: { other: () => ({ id: '1' }) },
      E: {
        __resolveReference: itself,
        f0: () => 0,
        f2: ({ f1 }: { f1: number }) => f1 + 1,
        f4: ({ f3 }: { f3: number }) => f3 + 1,
      },
    },
  },
});

/** The same with a compound key, lists, an interface that wants the field, objects in field sets, and arguments. */
const SHAPES = openFederation({
  a: {
    sdl: `
      type Query { items: [[Item]] named: Named }
      interface Named { score: Int }
      type Item implements Named @key(fields: "org { id } code") {
        org: Org code: String
        size: Size @external
        score(factor: Int = 2): Int @requires(fields: "size { all { width } }")
      }
      type Org { id: ID! }
      type Size { all: [Side] @external }
      type Side { width: Int @external }
    `,
    resolvers: {
      Query: {
        items: () => [[{ org: { id: 'o' }, code: 'x' }], [null, { org: { id: 'o' }, code: 'yy' }]],
        named: () => ({ __typename: 'Item', org: { id: 'o' }, code: 'x' }),
      },
      Item: {
        __resolveReference: itself,
        score: ({ size }: { size: { all: { width: number }[] } }, { factor }: { factor: number }) =>
          size.all.reduce((sum, { width }) => sum + width, 0) * factor,
      },
    },
  },
  b: {
    sdl: `
      type Item @key(fields: "org { id } code") { org: Org code: String size: Size }
      type Org { id: ID! }
      type Size { all: [Side] }
      type Side { width: Int }
    `,
    resolvers: {
      Item: {
        __resolveReference: itself,
        size: ({ code }: { code: string }) => ({ all: [{ width: code.length }, { width: 1 }] }),
      },
    },
  },
  c: {
    sdl: `
      type Item @key(fields: "org { id } code") {
        org: Org code: String
        score(factor: Int = 2): Int @external
        rank: Int @requires(fields: "score(factor: 10)")
      }
      type Org { id: ID! }
    `,
    resolvers: { Item: { __resolveReference: itself, rank: ({ score }: { score: number }) => score + 1 } },
  },
});

/** As with films above; in `a`, a film is the context of its scenes. */
const SCENES = openFederation({
  a: {
    sdl: `
      type Query { film: Film }
      type Film @key(fields: "id") @context(name: "film") {
        id: ID! title: String scenes: [Scene]
        budget: Int @external roi: Int @requires(fields: "budget")
      }
      type Scene @key(fields: "id") { id: ID! label(of: String @fromContext(field: "$film { title }")): String }
    `,
    resolvers: {
      Query: { film: () => ({ id: '1' }) },
      Film: {
        __resolveReference: itself,
        title: ({ id }: { id: string }) => `film ${id}`,
        scenes: () => [{ id: '7' }],
        roi: ({ budget }: { budget: number }) => budget * 2,
      },
      Scene: {
        __resolveReference: itself,
        label: ({ id }: { id: string }, { of }: { of: string }) => `${of}, scene ${id}`,
      },
    },
  },
  b: {
    sdl: 'type Film @key(fields: "id") { id: ID! budget: Int }',
    resolvers: { Film: { __resolveReference: itself, budget: () => 5 } },
  },
  c: {
    sdl: `type Film @key(fields: "id") { id: ID! roi: Int @external tier: String @requires(fields: "roi") }`,
    resolvers: {
      Film: { __resolveReference: itself, tier: ({ roi }: { roi: number }) => `tier ${String(roi)}` },
    },
  },
});

describe('chains of required fields', () => {
  const execute = createTestExecutor();

  it('may lie where a context is set', async () => {
    const { data, errors } = await SCENES.ask(execute, '{ film { tier scenes { label } } }');
    expect({ data, errors }).toEqual({
      data: { film: { tier: 'tier 10', scenes: [{ label: 'film 1, scene 7' }] } },
      errors: [],
    });
  });

  it('may go back and forth between two subgraphs', async () => {
    for (const [from, to] of [
      ['entity', 'f5'],
      ['entity', 'f4'],
      ['other', 'f5'],
      ['other', 'f4'],
    ] as const) {
      const { data, errors } = await LONG.ask(execute, `{ ${from} { ${to} } }`);
      expect({ data, errors }).toEqual({ data: { [from]: { [to]: Number(to.slice(1)) } }, errors: [] });
    }
  });

  it('may need compound keys, lists, objects, arguments and what an interface wants', async () => {
    const { data, errors } = await SHAPES.ask(
      execute,
      '{ items { code rank score } named { score ... on Item { rank } } }',
    );
    expect(errors).toEqual([]);
    expect(data).toEqual({
      items: [[{ code: 'x', rank: 21, score: 4 }], [null, { code: 'yy', rank: 31, score: 6 }]],
      named: { score: 4, rank: 21 },
    });
  });
});
