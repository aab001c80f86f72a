import { createLog } from '@aduana/server-kit/platform/create-log';
import { expect, it } from '@jest/globals';
import { createTestExecutor, describeCompletions } from '../../support/test-executor.ts';
import { FAULTY, instead, SHOP } from '../../support/shop-federation.ts';

describeCompletions('errors of a subgraph', (executor) => {
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

  it("an error at a representation is reported at each place that shares it, by the client's keys", async () => {
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

  it('an error without path is reported at the list that holds its places', async () => {
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
  ])('%s is reported as an error of the subgraph', async (_, extensions) => {
    const { errors } = await SHOP.ask(executor, '{ version }', {
      answer: instead('products', {
        data: { version: null },
        errors: [{ message: 'x', path: ['version'], extensions: { ...extensions, minimumIndex: 'x; y' } }],
      }),
    });
    expect(errors).toEqual([{ ...FAULTY, path: ['version'] }]);
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
