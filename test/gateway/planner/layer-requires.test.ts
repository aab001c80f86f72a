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

/**
 * `three` in `c` is computed from `two` in `a`, which is computed from `one` in `b`. In `a` itself items are reached by
 * plain fields of entities, by an object without a key, and by a field that is computed.
 */
const HOLDERS = openFederation({
  a: {
    sdl: `
      type Holder @key(fields: "id") {
        id: ID! size: Int @external
        item: Item box: Box pair: Pair thing: Thing chosen: Item @requires(fields: "size") made: Pair @requires(fields: "size")
      }
      union Thing = Box | Item
      type Box @key(fields: "id") { id: ID! item: Item }
      type Pair { first: Item }
      type Item @key(fields: "id") { id: ID! one: Int @external two: Int @requires(fields: "one") }
    `,
    resolvers: {
      Holder: {
        __resolveReference: itself,
        item: () => ({ id: '1' }),
        box: () => ({ id: '2' }),
        pair: () => ({ first: { id: '3' } }),
        thing: () => ({ __typename: 'Item', id: '7' }),
        chosen: ({ size }: { size: number }) => ({ id: String(size) }),
        made: ({ size }: { size: number }) => ({ first: { id: String(size + 1) } }),
      },
      Box: { __resolveReference: itself, item: () => ({ id: '2' }) },
      Item: { __resolveReference: itself, two: ({ one = -1000 }: { one?: number }) => one + 1 },
    },
  },
  b: {
    sdl: 'type Item @key(fields: "id") { id: ID! one: Int }',
    resolvers: { Item: { __resolveReference: itself, one: ({ id }: { id: string }) => Number(id) * 10 } },
  },
  c: {
    sdl: `
      type Query { holder: Holder }
      type Holder @key(fields: "id") { id: ID! size: Int }
      type Item @key(fields: "id") { id: ID! two: Int @external three: Int @requires(fields: "two") }
    `,
    resolvers: {
      Query: { holder: () => ({ id: '1' }) },
      Holder: { __resolveReference: itself, size: () => 4 },
      Item: { __resolveReference: itself, three: ({ two = -1000 }: { two?: number }) => two + 1 },
    },
  },
});

/** The same below the key of a crate, by a plain field and by one that is computed. */
const CRATES = openFederation({
  a: {
    sdl: `
      type Holder @key(fields: "id") {
        id: ID! size: Int @external crate: Crate packed: Crate @requires(fields: "size")
      }
      type Crate @key(fields: "item { id }") { item: Item size: Int @external full: Int @requires(fields: "size") }
      type Item @key(fields: "id") { id: ID! one: Int @external two: Int @requires(fields: "one") }
    `,
    resolvers: {
      Holder: {
        __resolveReference: itself,
        crate: () => ({ item: { id: '6' } }),
        packed: ({ size }: { size: number }) => ({ item: { id: String(size + 4) } }),
      },
      Crate: { __resolveReference: itself, full: ({ size }: { size: number }) => size * 2 },
      Item: { __resolveReference: itself, two: ({ one }: { one: number }) => one + 1 },
    },
  },
  b: {
    sdl: 'type Item @key(fields: "id") { id: ID! one: Int }',
    resolvers: { Item: { __resolveReference: itself, one: ({ id }: { id: string }) => Number(id) * 10 } },
  },
  c: {
    sdl: `
      type Query { holder: Holder }
      type Holder @key(fields: "id") { id: ID! size: Int }
      type Crate @key(fields: "item { id }") { item: Item size: Int }
      type Item @key(fields: "id") { id: ID! two: Int @external three: Int @requires(fields: "two") }
    `,
    resolvers: {
      Query: { holder: () => ({ id: '1' }) },
      Holder: { __resolveReference: itself, size: () => 4 },
      Crate: { __resolveReference: itself, size: ({ item }: { item: { id: string } }) => Number(item.id) },
      Item: { __resolveReference: itself, three: ({ two }: { two: number }) => two + 1 },
    },
  },
});

/**
 * `tier` of films and `three` of cuts, in `c`, are computed from what is computed in `a`, where films are the context of
 * their cuts and each leads to the other.
 */
const CUTS = openFederation({
  a: {
    sdl: `
      type Query { film: Film }
      type Film @key(fields: "id") @context(name: "film") {
        id: ID! title: String cuts: [Cut]
        budget: Int @external best: Cut @requires(fields: "budget") roi: Int @requires(fields: "budget")
      }
      type Cut @key(fields: "id") {
        id: ID! film: Film length: Int @external two: Int @requires(fields: "length")
        label(of: String @fromContext(field: "$film { title }")): String
        text(of: String @fromContext(field: "$film { title }")): String @requires(fields: "length")
      }
    `,
    resolvers: {
      Query: { film: () => ({ id: '1' }) },
      Film: {
        __resolveReference: itself,
        title: ({ id }: { id: string }) => `film ${id}`,
        cuts: () => [{ id: '7' }],
        best: ({ budget }: { budget: number }) => ({ id: String(budget) }),
        roi: ({ budget }: { budget: number }) => budget * 2,
      },
      Cut: {
        __resolveReference: itself,
        film: () => ({ id: '2' }),
        two: ({ length }: { length: number }) => length + 1,
        label: ({ id }: { id: string }, { of }: { of: string }) => `${of}, cut ${id}`,
        text: ({ length }: { length: number }, { of }: { of: string }) => `${of}, ${String(length)} s`,
      },
    },
  },
  b: {
    sdl: `
      type Film @key(fields: "id") { id: ID! budget: Int }
      type Cut @key(fields: "id") { id: ID! length: Int }
    `,
    resolvers: {
      Film: { __resolveReference: itself, budget: () => 5 },
      Cut: { __resolveReference: itself, length: () => 90 },
    },
  },
  c: {
    sdl: `
      type Query { other: Film }
      type Film @key(fields: "id") { id: ID! roi: Int @external tier: String @requires(fields: "roi") }
      type Cut @key(fields: "id") { id: ID! two: Int @external three: Int @requires(fields: "two") }
    `,
    resolvers: {
      Query: { other: () => ({ id: '3' }) },
      Film: { __resolveReference: itself, tier: ({ roi }: { roi: number }) => `tier ${String(roi)}` },
      Cut: { __resolveReference: itself, three: ({ two }: { two: number }) => two + 1 },
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

  it.each([
    ['a plain field of an entity', '{ item { three } }', { item: { three: 12 } }],
    ['a plain field below one', '{ box { item { three } } }', { box: { item: { three: 22 } } }],
    ['an object without a key', '{ pair { first { three } } }', { pair: { first: { three: 32 } } }],
    ['a union', '{ thing { ... on Item { three } } }', { thing: { three: 72 } }],
    ['a field that is computed', '{ chosen { three } }', { chosen: { three: 42 } }],
    ['an object that is computed', '{ made { first { three } } }', { made: { first: { three: 52 } } }],
    [
      'all of them at once',
      '{ item { two three } box { item { three } } pair { first { three } } chosen { three } made { first { two } } }',
      {
        item: { two: 11, three: 12 },
        box: { item: { three: 22 } },
        pair: { first: { three: 32 } },
        chosen: { three: 42 },
        made: { first: { two: 51 } },
      },
    ],
  ])('may begin below %s', async (_, selection, holder) => {
    const { data, errors } = await HOLDERS.ask(execute, `{ holder ${selection} }`);
    expect({ data, errors }).toEqual({ data: { holder }, errors: [] });
  });

  it('may begin below a key', async () => {
    const { data, errors } = await CRATES.ask(
      execute,
      '{ holder { crate { full item { three } } packed { full item { three } } } }',
    );
    expect(errors).toEqual([]);
    expect(data).toEqual({
      holder: {
        crate: { full: 12, item: { three: 62 } },
        packed: { full: 16, item: { three: 82 } },
      },
    });
  });

  it.each([
    [
      '{ other { cuts { label text three } } }',
      { cuts: [{ label: 'film 3, cut 7', text: 'film 3, 90 s', three: 92 }] },
    ],
    ['{ other { cuts { film { tier } } } }', { cuts: [{ film: { tier: 'tier 10' } }] }],
    [
      '{ other { best { label text three film { tier } } } }',
      { best: { label: 'film 3, cut 5', text: 'film 3, 90 s', three: 92, film: { tier: 'tier 10' } } },
    ],
  ])('may lie beside and below what reads a context: %s', async (document, other) => {
    const { data, errors } = await CUTS.ask(execute, document);
    expect({ data, errors }).toEqual({ data: { other }, errors: [] });
  });
});
