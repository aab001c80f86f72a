import { expect, it } from '@jest/globals';
import { itself, type Reference } from '../../support/entity-reference.ts';
import { openFederation } from '../../support/federation.ts';
import { describeCompletions } from '../../support/test-executor.ts';

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

  it('one key with two types in two members is distinguished', async () => {
    const { data, errors } = await ZOO.ask(
      executor,
      '{ things { ... on Dog { v: bark } ... on Cat { v: owner } ... on Rock { w: weight } } }',
    );
    expect(errors).toEqual([]);
    expect(data).toEqual({ things: [{ v: 'owner of c' }, { w: 9 }, null, { v: 'wau' }] });
  });

  it('an inaccessible runtime type becomes null, without an error and its name', async () => {
    const { data, errors } = await ZOO.ask(executor, '{ first { id } }');
    expect({ data, errors }).toEqual({ data: { first: null }, errors: [] });
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
