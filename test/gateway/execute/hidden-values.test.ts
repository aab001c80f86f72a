import { expect, it } from '@jest/globals';
import { openFederation } from '../../support/federation.ts';
import { describeCompletions } from '../../support/test-executor.ts';

const SECRET = { __typename: 'Secret', id: '1' };
const FEDERATION = openFederation({
  a: {
    sdl: `
      type Query {
        nobody: Nobody nobodies: [Nobody!]! hidden: Hidden mustBe: Hidden! allMustBe: [Hidden!] title: String
        color: Color mustHave: Color! colors: [Color] allMustHave: [Color!] item: Item any: Any
      }
      type Item { color: Color! }
      type Known { id: ID! }
      union Any = Known | Secret
      enum Color { RED ULTRAVIOLET @inaccessible }
      interface Nobody { id: ID! size(of: Int!): Int next: Nobody }
      interface Hidden { id: ID! }
      type Secret implements Hidden @inaccessible { id: ID! }
    `,
    resolvers: {
      Query: {
        nobody: () => null,
        nobodies: () => [],
        hidden: () => SECRET,
        mustBe: () => SECRET,
        allMustBe: () => [SECRET],
        any: () => SECRET,
        color: () => 'ULTRAVIOLET',
        mustHave: () => 'ULTRAVIOLET',
        colors: () => ['RED', 'ULTRAVIOLET'],
        allMustHave: () => ['RED', 'ULTRAVIOLET'],
        item: () => ({ color: 'ULTRAVIOLET' }),
        title: () => 't',
      },
    },
  },
});

describeCompletions('an interface that no type implements', (execute) => {
  it.each([
    '{ nobody { id } title }',
    '{ nobody { __typename } title }',
    '{ nobody { __typename id next { id next { __typename } } } title }',
    '{ nobody { name: id next { size(of: 1) } } title }',
    '{ nobody { ... on Nobody { id } } title }',
  ])('is answered: %s', async (document) => {
    const { data, errors } = await FEDERATION.ask(execute, document);
    expect({ data, errors }).toEqual({ data: { nobody: null, title: 't' }, errors: [] });
  });

  it('may be the type of list elements', async () => {
    const { data, errors } = await FEDERATION.ask(execute, '{ nobodies { id __typename } }');
    expect({ data, errors }).toEqual({ data: { nobodies: [] }, errors: [] });
  });
});

describeCompletions('what clients may not know of a subgraph', (execute) => {
  it.each([
    ['a type of an interface', '{ hidden { id } title }', { hidden: null, title: 't' }],
    ['a type of a union', '{ any { __typename } title }', { any: null, title: 't' }],
    ['an enum value', '{ color title }', { color: null, title: 't' }],
    ['an enum value in a list', '{ colors }', { colors: ['RED', null] }],
  ])('is null without an error where null may be: %s', async (_, document, expected) => {
    const { data, errors } = await FEDERATION.ask(execute, document);
    expect({ data, errors }).toEqual({ data: expected, errors: [] });
  });

  it.each([
    ['a type', '{ mustBe { id } }', null, ['mustBe']],
    ['a type in a list', '{ allMustBe { id } title }', { allMustBe: null, title: 't' }, ['allMustBe', 0]],
    ['an enum value', '{ mustHave }', null, ['mustHave']],
    [
      'an enum value in a list',
      '{ allMustHave title }',
      { allMustHave: null, title: 't' },
      ['allMustHave', 1],
    ],
    ['an enum value in an object', '{ item { color } title }', { item: null, title: 't' }, ['item', 'color']],
  ])('is an error that accuses nobody where null may not be: %s', async (_, document, expected, path) => {
    const { data, errors } = await FEDERATION.ask(execute, document);
    expect(data).toEqual(expected);
    expect(errors).toMatchObject([{ path, extensions: { code: 'VALUE_HIDDEN' } }]);
    expect(JSON.stringify(errors)).not.toMatch(/Secret|ULTRAVIOLET/);
  });

  it('is not what no subgraph may answer either', async () => {
    const { errors } = await FEDERATION.ask(execute, '{ color }', {
      answer: () => ({ data: { color: 'BLUE' } }),
    });
    expect(errors).toMatchObject([{ path: ['color'], extensions: { code: 'SUBGRAPH_ERROR' } }]);
  });
});
