import { expect, it } from '@jest/globals';
import { itself, type Reference } from '../../support/entity-reference.ts';
import { openFederation } from '../../support/federation.ts';
import { describeCompletions } from '../../support/test-executor.ts';

const MEDIA = openFederation({
  a: {
    sdl: `
      type Query { all: [Media], lost: Media }
      interface Media @key(fields: "id") { id: ID! title: String }
      interface Printed { pages: Int }
      union Shelf = Book | Map
      type Map { scale: Int }
      type Book implements Media & Printed @key(fields: "id") {
        id: ID! title: String pages: Int isbn: String @requiresScopes(scopes: [["isbn:read"]])
      }
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

  it('are asked by other abstract types that their implementations belong to', async () => {
    const { data, errors } = await MEDIA.ask(
      executor,
      '{ top { stars ... on Printed { pages ... on Shelf { is: __typename ... on Map { scale } } } ... on Shelf { __typename } } }',
    );
    expect(errors).toEqual([]);
    expect(data).toEqual({ top: [{ stars: 1 }, { stars: 1, pages: 5, is: 'Book', __typename: 'Book' }] });
  });

  it('become their own implementations alone', async () => {
    const { data, errors } = await MEDIA.ask(executor, '{ top { stars title } }', {
      answer: ({ subgraph }) =>
        subgraph === 'a'
          ? { data: { _entities: [{ __typename: 'Map' }, { __typename: 'Book', title: 'B' }] } }
          : undefined,
    });
    expect(data).toEqual({ top: [null, { stars: 1, title: 'B' }] });
    expect(errors).toMatchObject([{ path: ['top', 0], extensions: { code: 'SUBGRAPH_ERROR' } }]);
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

  it('without that subgraph become null where something was asked for of one type alone', async () => {
    const { data, errors } = await MEDIA.ask(
      executor,
      '{ top { stars ... on Media { ... on Printed { pages } } } }',
      {
        answer: ({ subgraph }) =>
          subgraph === 'a'
            ? {
                data: { _entities: [{ __typename: 'Film' }, null] },
                errors: [{ message: 'no type', path: ['_entities', 1, '__typename'] }],
              }
            : undefined,
      },
    );
    expect(data).toEqual({ top: [{ stars: 1 }, null] });
    expect(errors).toMatchObject([{ path: ['top', 1] }]);
  });

  it('are told their type where what was asked for of one type is refused', async () => {
    const { data, errors } = await MEDIA.ask(executor, '{ top { stars ... on Book { isbn } } }');
    expect(data).toEqual({ top: [{ stars: 1 }, { stars: 1, isbn: null }] });
    expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHORIZED_FIELD_OR_TYPE' } }]);
  });

  it('need no type for a fragment that every implementation falls under', async () => {
    const { data, errors } = await MEDIA.ask(
      executor,
      '{ top { stars ... on Media { ... on Media { id } } } }',
    );
    expect(errors).toEqual([]);
    expect(data).toEqual({
      top: [
        { stars: 1, id: 'f' },
        { stars: 1, id: 'b' },
      ],
    });
  });
});
