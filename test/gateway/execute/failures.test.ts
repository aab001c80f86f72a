import { SecurityError } from '@aduana/core/errors/security-error';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { expect, it } from '@jest/globals';
import {
  type Call,
  createTestExecutor,
  describeCompletions,
  openFederation,
} from '../../support/federation.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

interface Reference {
  readonly id: string;
}

const SHOP = openFederation({
  products: {
    sdl: `
      type Query { products: [Product], product: Product, must: Product!, version: String }
      type Product @key(fields: "id") { id: ID! name: String color: Color size: Int note: String! secret: String! @requiresScopes(scopes: [["secrets:read"]]) }
      enum Color { RED HIDDEN @inaccessible }
    `,
    resolvers: {
      Query: {
        products: () => [{ id: '1' }, null, { id: '2' }, { id: '1' }],
        product: () => ({ id: '1' }),
        must: () => ({ id: '1' }),
        version: () => 'v1',
      },
      Product: {
        __resolveReference: (it: Reference) => it,
        name: ({ id }: Reference) => `name ${id}`,
        note: () => 'note',
      },
    },
  },
  reviews: {
    sdl: `
      type Query { best: String }
      type Product @key(fields: "id") { id: ID! rating: Float stars: Int! }
    `,
    resolvers: {
      Query: { best: () => 'all' },
      Product: {
        __resolveReference: (it: Reference) => it,
        rating: ({ id }: Reference) => Number(id),
        stars: ({ id }: Reference) => Number(id),
      },
    },
  },
});

const UNAVAILABLE = { message: 'A subgraph did not answer', extensions: { code: 'SUBGRAPH_UNAVAILABLE' } };
const FAULTY = { message: 'A subgraph answered with an error', extensions: { code: 'SUBGRAPH_ERROR' } };

const down = (name: string) => (call: Call) => {
  if (call.subgraph === name)
    throw new SecurityError('SUBGRAPH_UNAVAILABLE', { detail: 'connect 10.0.0.7:4001' });
  return undefined;
};
const instead = (name: string, answer: unknown) => (call: Call) =>
  call.subgraph === name ? answer : undefined;

describeCompletions('failures', (executor) => {
  it('a subgraph that is down leaves the rest, and an error at each of its root fields', async () => {
    const { data, errors } = await SHOP.ask(executor, '{ v: version b: best product { name } }', {
      answer: down('products'),
    });
    expect(data).toEqual({ v: null, b: 'all', product: null });
    expect(errors).toEqual([
      { ...UNAVAILABLE, path: ['v'] },
      { ...UNAVAILABLE, path: ['product'] },
    ]);
  });

  it('an entity fetch that fails is told at its fields, under lists at the list', async () => {
    const { data, errors } = await SHOP.ask(executor, '{ product { id r: rating } products { rating } }', {
      answer: down('reviews'),
    });
    expect(data).toEqual({
      product: { id: '1', r: null },
      products: [{ rating: null }, null, { rating: null }, { rating: null }],
    });
    expect(errors).toEqual([
      { ...UNAVAILABLE, path: ['product', 'r'] },
      { ...UNAVAILABLE, path: ['products'] },
    ]);
  });

  it('a non-null field that a failed fetch owed nulls its object, and is told once', async () => {
    const { data, errors } = await SHOP.ask(executor, '{ product { id stars } }', {
      answer: down('reviews'),
    });
    expect(data).toEqual({ product: null });
    expect(errors).toEqual([{ ...UNAVAILABLE, path: ['product', 'stars'] }]);
  });

  it('a value that a scalar of the subgraph does not take is the input of the caller, not its failure', async () => {
    const { data, errors } = await SHOP.ask(executor, '{ version best }', {
      answer: instead('products', {
        errors: [{ message: 'the value is "x"', extensions: { code: 'BAD_USER_INPUT', at: 'x' } }],
      }),
    });
    expect(data).toEqual({ version: null, best: 'all' });
    expect(errors).toEqual([
      {
        message: 'A value does not fit the type of its argument or variable',
        path: ['version'],
        extensions: { code: 'BAD_USER_INPUT' },
      },
    ]);
  });

  it('a null bubbles to the root', async () => {
    const { data, errors } = await SHOP.ask(executor, '{ must { stars } best }', { answer: down('reviews') });
    expect(data).toBeNull();
    expect(errors).toMatchObject([{ path: ['must', 'stars'] }, { path: ['best'] }]);
  });

  it("an error at a representation is told at each place that shares it, by the client's keys", async () => {
    const { data, errors } = await SHOP.ask(executor, '{ all: products { id r: rating } }', {
      answer: ({ subgraph }) =>
        subgraph === 'reviews'
          ? {
              data: { _entities: [{ r: null }, { r: 2 }] },
              errors: [
                {
                  message: 'password=hunter2 at http://10.0.0.7/',
                  path: ['_entities', 0, 'r'],
                  extensions: { code: 'DB', serviceName: 'x', stacktrace: ['at /srv'] },
                },
              ],
            }
          : undefined,
    });
    expect(data).toEqual({ all: [{ id: '1', r: null }, null, { id: '2', r: 2 }, { id: '1', r: null }] });
    expect(errors).toEqual([
      { ...FAULTY, path: ['all', 0, 'r'] },
      { ...FAULTY, path: ['all', 3, 'r'] },
    ]);
  });

  it('an error without path is told at the list that holds its places', async () => {
    const { errors } = await SHOP.ask(executor, '{ products { rating } }', {
      answer: instead('reviews', { data: null, errors: [{ message: 'no' }] }),
    });
    expect(errors).toEqual([{ ...FAULTY, path: ['products'] }]);
  });

  it('a code of the deployment and its moment reach the client, other extensions do not', async () => {
    const { errors } = await SHOP.ask(executor, '{ version }', {
      answer: instead('products', {
        data: { version: null },
        errors: [
          {
            message: 'x',
            path: ['version'],
            extensions: {
              code: 'ROTATION_TOO_EARLY',
              notBefore: '2026-01-01T00:00:00.000Z',
              url: 'http://x',
            },
          },
        ],
      }),
    });
    expect(errors).toEqual([
      {
        message: 'The next key has not been published for long enough',
        path: ['version'],
        extensions: { code: 'ROTATION_TOO_EARLY', notBefore: '2026-01-01T00:00:00.000Z' },
      },
    ]);
  });

  it.each([
    ['an entry whose retention has ended', 'AUDIT_ENTRY_GONE', { minimumIndex: '65536' }],
    ['a token service that is away from it', 'STS_UNAVAILABLE', {}],
    ['a database that is away from it', 'STORE_UNAVAILABLE', {}],
    ['nothing signed yet', 'NOT_READY', {}],
    ['too much to do', 'OVERLOADED', {}],
  ])('a subgraph of the deployment may tell of %s', async (_, code, extensions) => {
    const { errors } = await SHOP.ask(executor, '{ version }', {
      answer: instead('products', {
        data: { version: null },
        errors: [{ message: 'x', path: ['version'], extensions: { code, ...extensions } }],
      }),
    });
    expect(errors).toMatchObject([{ path: ['version'], extensions: { code, ...extensions } }]);
  });

  it.each([
    ['a code that no subgraph may speak with', { code: 'INTERNAL_SERVER_ERROR' }],
    ['a code that is not of the deployment', { code: 'DB_PASSWORD_WRONG' }],
    ['no code', {}],
  ])('%s is told as an error of the subgraph', async (_, extensions) => {
    const { errors } = await SHOP.ask(executor, '{ version }', {
      answer: instead('products', {
        data: { version: null },
        errors: [{ message: 'x', path: ['version'], extensions: { ...extensions, minimumIndex: 'x; y' } }],
      }),
    });
    expect(errors).toEqual([{ ...FAULTY, path: ['version'] }]);
  });

  it.each([
    ['neither data nor errors', {}],
    ['an array', []],
    ['a text', 'hello'],
    ['null', null],
    ['data of another kind', { data: [] }],
    ['errors of another kind', { data: {}, errors: { 0: 1 } }],
    ['no entities', { data: {} }],
    ['entities of another kind', { data: { _entities: {} } }],
    ['too few entities', { data: { _entities: [{ rating: 1 }] } }],
    ['too many entities', { data: { _entities: [{ rating: 1 }, { rating: 2 }, { rating: 3 }] } }],
  ])('an answer with %s is an error of that fetch', async (_, answer) => {
    const { data, errors } = await SHOP.ask(executor, '{ products { name rating } }', {
      answer: instead('reviews', answer),
    });
    const empty = (id: string) => ({ name: `name ${id}`, rating: null });
    expect(data).toEqual({ products: [empty('1'), null, empty('2'), empty('1')] });
    expect(errors).toEqual([{ ...FAULTY, path: ['products'] }]);
  });

  it('a null entity leaves its fields unset, without an error', async () => {
    const { data, errors } = await SHOP.ask(executor, '{ products { name rating } }', {
      answer: instead('reviews', { data: { _entities: [null, { rating: 2 }] } }),
    });
    expect(data).toMatchObject({ products: [{ name: 'name 1', rating: null }, null, { rating: 2 }, {}] });
    expect(errors).toEqual([]);
  });

  it.each([
    ['an Int that is a text', '{ product { size } }', { size: 'abc' }],
    ['an Int beyond 32 bits', '{ product { size } }', { size: 2 ** 31 }],
    ['a String that is a number', '{ product { size: name } }', { size: 1 }],
    ['an unknown enum value', '{ product { size: color } }', { size: 'BLUE' }],
    ['an enum value from the prototype', '{ product { size: color } }', { size: 'constructor' }],
    ['a list for a scalar', '{ product { size } }', { size: [1] }],
  ])('%s becomes null, with an error', async (_, query, product) => {
    const { data, errors } = await SHOP.ask(executor, query, {
      answer: instead('products', { data: { product } }),
    });
    expect(data).toEqual({ product: { size: null } });
    expect(errors).toEqual([{ ...FAULTY, path: ['product', 'size'] }]);
  });

  it.each([
    ['an object for a list', { products: { id: '1' } }, { products: null }, ['products']],
    ['a text for an object', { products: ['x'] }, { products: [null] }, ['products', 0]],
    [
      'another type',
      { products: [{ __typename: 'Query', name: 'x' }] },
      { products: [null] },
      ['products', 0],
    ],
    ['a missing non-null', { products: [{ name: 'x' }] }, { products: [null] }, ['products', 0, 'note']],
  ])('%s becomes null, with an error', async (_, data, expected, path) => {
    const answer = await SHOP.ask(executor, '{ products { name note } }', {
      answer: instead('products', { data }),
    });
    expect(answer.data).toEqual(expected);
    expect(answer.errors).toEqual([{ ...FAULTY, path }]);
  });

  it('keys of Object.prototype are harmless as aliases and in answers', async () => {
    const { text, errors } = await SHOP.ask(
      executor,
      '{ __proto__: product { constructor: name prototype: rating toString: size __proto__: note } hasOwnProperty: version }',
    );
    expect(errors).toEqual([]);
    expect(text).toBe(
      '{"__proto__":{"constructor":"name 1","prototype":1,"toString":null,"__proto__":"note"},"hasOwnProperty":"v1"}',
    );
    const forged = JSON.parse(
      '{"data":{"product":{"id":"1","__typename":"Product","__proto__":{"name":"x"}}}}',
    ) as unknown;
    const answer = await SHOP.ask(executor, '{ product { id name valueOf: size } }', {
      answer: instead('products', forged),
    });
    expect(answer.data).toEqual({ product: { id: '1', name: null, valueOf: null } });
    expect(Object.prototype).not.toHaveProperty('name');
  });

  it('what the caller may not have is null and told first, without a second error for the nulls above it', async () => {
    const { data, errors } = await SHOP.ask(executor, '{ product { name secret } version }');
    expect(data).toEqual({ product: null, version: 'v1' });
    expect(errors).toEqual([
      {
        message: 'Unauthorized field or type',
        path: ['product', 'secret'],
        extensions: { code: 'UNAUTHORIZED_FIELD_OR_TYPE' },
      },
    ]);
  });

  it('an operation that nothing can be fetched for is an error, not a null', async () => {
    await expect(SHOP.ask(executor, '{ product { id } }', { withoutPlan: true })).rejects.toMatchObject({
      code: 'OPERATION_NOT_PLANNABLE',
    });
  });

  it('ends when the client leaves, and calls nothing more', async () => {
    const client = new AbortController();
    const calls: string[] = [];
    const asked = SHOP.ask(executor, '{ product { rating } }', {
      signal: client.signal,
      answer: ({ subgraph }, signal) => {
        calls.push(subgraph);
        client.abort(new Error('left'));
        expect(signal.aborted).toBe(true);
        return undefined;
      },
    });
    await expect(asked).rejects.toThrow('left');
    expect(calls).toEqual(['products']);
  });
});

describeCompletions('the deadline', (_, completion) => {
  it('ends with what is there, and an error where something is missing', async () => {
    const clock = createFakeClock(0);
    const executor = createTestExecutor({ clock, operationTimeoutMs: 100, completion });
    let reached: () => void = () => undefined;
    const waiting = new Promise<void>((resolve) => (reached = resolve));
    const asked = SHOP.ask(executor, '{ version product { name rating } best }', {
      answer: ({ subgraph, query }) => {
        if (subgraph !== 'reviews' || !query.includes('_entities')) return undefined;
        reached();
        return new Promise(() => undefined);
      },
    });
    await waiting;
    await clock.advance(100);
    const { data, errors } = await asked;
    expect(data).toEqual({ version: 'v1', product: { name: 'name 1', rating: null }, best: 'all' });
    expect(errors).toEqual([{ ...UNAVAILABLE, path: ['product', 'rating'] }]);
  });
});

it.each([
  ['SUBGRAPH_MELTED', 1],
  ['ROTATION_IN_GRACE', 0],
])('an error %s of a subgraph is %i failure in the log', async (code, failures) => {
  const lines: string[] = [];
  const execute = createTestExecutor({ log: createLog('warn', (line) => lines.push(line)) });
  const { errors } = await SHOP.ask(execute, '{ v: version }', {
    answer: instead('products', {
      data: { v: null },
      errors: [{ message: 'no', path: ['v'], extensions: { code } }],
    }),
  });
  expect(errors).toHaveLength(1);
  expect(lines.filter((line) => line.includes('a subgraph failed'))).toHaveLength(failures);
});
