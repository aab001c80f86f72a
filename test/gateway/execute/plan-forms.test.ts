import { describe, expect, it } from '@jest/globals';
import { fetchOf, runTestPlan } from '../../support/run-test-plan.ts';

describe('forms of a plan', () => {
  it.each([
    [{ yes: true }, 'then'],
    [{ yes: false }, 'otherwise'],
  ])('a condition on %j runs its %s branch', async (variables, subgraph) => {
    const { calls } = await runTestPlan(
      {
        kind: 'Condition',
        condition: 'yes',
        ifClause: fetchOf('then', '{a{id}}'),
        elseClause: fetchOf('otherwise', '{a{id}}'),
      },
      {},
      variables,
    );
    expect(calls.map(([name]) => name)).toEqual([subgraph]);
  });

  it('a condition without a clause runs nothing', async () => {
    const { calls } = await runTestPlan(
      { kind: 'Condition', condition: 'yes', ifClause: fetchOf('then', '{a{id}}') },
      {},
    );
    expect(calls).toEqual([]);
  });

  it('a typed element keeps the objects of its types', async () => {
    const { calls } = await runTestPlan(
      {
        kind: 'Sequence',
        nodes: [
          fetchOf('first', '{b{id}}'),
          {
            kind: 'Flatten',
            path: ['b', '@|[A]'],
            node: fetchOf(
              'second',
              'query($representations:[_Any!]!){_entities(representations:$representations){id}}',
              {
                requires: [
                  {
                    kind: 'InlineFragment',
                    typeCondition: 'I',
                    selections: [
                      { kind: 'Field', name: '__typename' },
                      { kind: 'Field', name: 'id' },
                    ],
                  },
                ],
              },
            ),
          },
        ],
      },
      {
        first: { b: [{ __typename: 'A', id: 1 }, { __typename: 'B', id: 2 }, { id: 3 }, null] },
        second: { _entities: [{ id: 9 }] },
      },
    );
    expect(calls[1]).toEqual(['second', { representations: [{ __typename: 'A', id: 1 }] }]);
  });

  it('a fetch below the root without representations reaches every object and skips nulls', async () => {
    const { root, calls } = await runTestPlan(
      {
        kind: 'Sequence',
        nodes: [
          fetchOf('first', '{b{id}}'),
          { kind: 'Flatten', path: ['b', '@'], node: fetchOf('second', '{c}') },
          { kind: 'Flatten', path: ['a'], node: fetchOf('third', '{c}') },
        ],
      },
      { first: { b: [{}, null, {}], a: null }, second: { c: { d: 1 } } },
    );
    expect(root['b']).toEqual([{ c: { d: 1 } }, null, { c: { d: 1 } }]);
    expect(calls.map(([name]) => name)).toEqual(['first', 'second']);
  });

  it('steps side by side merge in the order of the plan, and a late null wipes nothing', async () => {
    const { root } = await runTestPlan(
      {
        kind: 'Parallel',
        nodes: [
          fetchOf('first', '{a{id} b{id}}'),
          fetchOf('second', '{a{id} b{id}}'),
          fetchOf('third', '{a{id} b{id}}'),
        ],
      },
      {
        first: { a: { id: 1 }, b: [{ id: 1 }, null] },
        second: { a: { id: 2 }, b: [null, { id: 2 }] },
        third: { a: null },
      },
    );
    expect(root).toEqual({ a: { id: 2 }, b: [{ id: 1 }, { id: 2 }] });
  });

  it('rewrites rename what was received also where it is falsy, and set types on what is sent alone', async () => {
    const { root, calls } = await runTestPlan(
      {
        kind: 'Sequence',
        nodes: [
          fetchOf('first', '{b{...on A{x__alias_0:id}}}', {
            outputRewrites: [{ kind: 'KeyRenamer', path: ['b', '... on A', 'x__alias_0'], renameKeyTo: 'x' }],
          }),
          {
            kind: 'Flatten',
            path: ['b', '@'],
            node: fetchOf(
              'second',
              'query($representations:[_Any!]!){_entities(representations:$representations){id}}',
              {
                requires: [
                  {
                    kind: 'InlineFragment',
                    typeCondition: 'A',
                    selections: [
                      { kind: 'Field', name: '__typename' },
                      { kind: 'Field', name: 'x' },
                    ],
                  },
                ],
                inputRewrites: [{ kind: 'ValueSetter', path: ['... on A', '__typename'], setValueTo: 'I' }],
              },
            ),
          },
        ],
      },
      {
        first: {
          b: [{ __typename: 'A', x__alias_0: 0 }, { __typename: 'B', x__alias_0: false }, { x__alias_0: '' }],
        },
      },
    );
    expect(root['b']).toEqual([{ __typename: 'A', x: 0 }, { __typename: 'B' }, { x: '' }]);
    expect(calls[1]).toEqual(['second', { representations: [{ __typename: 'I', x: 0 }] }]);
  });

  it('lists of equal length merge by element, others are replaced', async () => {
    const { root } = await runTestPlan(
      {
        kind: 'Sequence',
        nodes: [
          fetchOf('first', '{a{id} b{id x}}'),
          fetchOf('second', '{b{id y}}'),
          fetchOf('third', '{c{id}}'),
        ],
      },
      {
        first: {
          b: [
            { id: 1, x: 1 },
            { id: 2, x: 2 },
          ],
          c: [{ id: 1 }],
        },
        second: { b: [{ id: 1, y: 1 }, null] },
        third: { c: [{ id: 3 }, { id: 4 }] },
      },
    );
    expect(root).toEqual({ b: [{ id: 1, x: 1, y: 1 }, { id: 2, x: 2 }], c: [{ id: 3 }, { id: 4 }] }); // prettier-ignore
  });

  const entities = (selections: string) =>
    `query($representations:[_Any!]!){_entities(representations:$representations){${selections}}}`;
  const requires = (...names: string[]) => [
    {
      kind: 'InlineFragment',
      typeCondition: 'I',
      selections: ['__typename', ...names].map((name) => ({ kind: 'Field', name })),
    },
  ];
  const twoAlike = {
    b: [
      { __typename: 'A', id: 1, x: 1 },
      { __typename: 'A', id: 1, x: 2 },
    ],
  };

  it('places with the same representation share what was brought and what is added to it', async () => {
    const { root, calls } = await runTestPlan(
      {
        kind: 'Sequence',
        nodes: [
          fetchOf('first', '{b{__typename id}}'),
          { kind: 'Flatten', path: ['b', '@'], node: fetchOf('second', entities('k{__typename id}'), { requires: requires('id') }) },
          { kind: 'Flatten', path: ['b', '@', 'k', '@'], node: fetchOf('third', entities('n'), { requires: requires('id') }) },
        ],
      },
      {
        first: twoAlike,
        second: { _entities: [{ k: [{ __typename: 'B', id: 3 }] }] },
        third: { _entities: [{ n: 4 }] },
      },
    ); // prettier-ignore
    const [one, other] = root['b'] as { k: unknown }[];
    expect(one).toEqual({ __typename: 'A', id: 1, k: [{ __typename: 'B', id: 3, n: 4 }] });
    expect(other?.k).toBe(one?.k);
    expect(calls[2]).toEqual(['third', { representations: [{ __typename: 'B', id: 3 }] }]);
  });

  it('what a later fetch brings for one of the places that share an object is not at the others', async () => {
    const { root } = await runTestPlan(
      {
        kind: 'Sequence',
        nodes: [
          fetchOf('first', '{b{__typename id x}}'),
          { kind: 'Flatten', path: ['b', '@'], node: fetchOf('second', entities('k{l}'), { requires: requires('id') }) },
          { kind: 'Flatten', path: ['b', '@'], node: fetchOf('third', entities('k{m}'), { requires: requires('id', 'x') }) },
        ],
      },
      {
        first: twoAlike,
        second: { _entities: [{ k: { l: 0 } }] },
        third: { _entities: [{ k: { m: 1 } }, { k: { m: 2 } }] },
      },
    ); // prettier-ignore
    expect(root['b']).toMatchObject([{ k: { l: 0, m: 1 } }, { k: { l: 0, m: 2 } }]);
  });

  it('what is fetched below objects of one type is not below others that share it', async () => {
    const { root } = await runTestPlan(
      {
        kind: 'Sequence',
        nodes: [
          fetchOf('first', '{b{__typename id}}'),
          {
            kind: 'Flatten',
            path: ['b', '@'],
            node: fetchOf('second', entities('k{l}'), {
              requires: requires('id'),
              inputRewrites: [{ kind: 'ValueSetter', path: ['... on I', '__typename'], setValueTo: 'I' }],
            }),
          },
          { kind: 'Flatten', path: ['b', '@|[A]', 'k'], node: fetchOf('third', '{l}') },
        ],
      },
      {
        first: { b: [{ __typename: 'A', id: 1 }, { __typename: 'B', id: 1 }] },
        second: { _entities: [{ k: { l: 0 } }] },
        third: { l: 1 },
      },
    ); // prettier-ignore
    expect(root['b']).toMatchObject([{ k: { l: 1 } }, { k: { l: 0 } }]);
  });

  it('what is required by several type conditions is one representation, nested ones count by the type they meet', async () => {
    const field = (name: string, selections?: object[]) => ({
      kind: 'Field',
      name,
      ...(selections && { selections }),
    });
    const on = (typeCondition: string, ...selections: object[]) => ({
      kind: 'InlineFragment',
      typeCondition,
      selections,
    });
    const { calls } = await runTestPlan(
      {
        kind: 'Sequence',
        nodes: [
          fetchOf('first', '{b{id k}}'),
          {
            kind: 'Flatten',
            path: ['b', '@'],
            node: fetchOf(
              'second',
              'query($representations:[_Any!]!){_entities(representations:$representations){id}}',
              {
                requires: [
                  on('I', field('__typename'), field('k', [field('x'), field('l', [on('A', field('p'))])])),
                  on('A', field('id'), field('k', [field('y'), field('l', [on('B', field('q')), on('I', field('r'))])])),
                  on('B', field('id')),
                ],
              },
            ),
          },
        ],
      },
      {
        first: {
          b: [
            { __typename: 'A', id: 1, k: { x: 1, y: 2, l: [{ __typename: 'A', p: 3, q: 4, r: 5 }, { p: 3, q: 4, r: 5 }] } },
            { __typename: 'B', id: 2, k: { x: 1, y: 2, l: [] } },
            { __typename: 'I', id: 3, k: { x: 1, l: null } },
          ],
        },
      },
    ); // prettier-ignore
    expect(calls[1]?.[1]).toEqual({
      representations: [
        { __typename: 'A', id: 1, k: { x: 1, y: 2, l: [{ p: 3, r: 5 }, {}] } },
        { __typename: 'B', id: 2, k: { x: 1, l: [] } },
        { __typename: 'I', k: { x: 1, l: null } },
      ],
    });
  });

  it.each([
    ['an unknown node', { kind: 'Stream', primary: {} }],
    ['a subscription', { kind: 'Subscription', primary: fetchOf('a', '{a{id}}') }],
    ['an unknown path element', { kind: 'Flatten', path: ['a', '?'], node: fetchOf('a', '{a{id}}') }],
    ['a number in a path', { kind: 'Flatten', path: ['a', 0], node: fetchOf('a', '{a{id}}') }],
    ['a subscription fetch', fetchOf('a', 'subscription{a{id}}', { operationKind: 'subscription' })],
  ])('a plan with %s is refused whole', async (_, node) => {
    await expect(runTestPlan(node, {})).rejects.toThrow(TypeError);
  });
});
