import { expect, it } from '@jest/globals';
import { describeCompletions } from '../../support/test-executor.ts';
import { FAULTY, instead, SHOP } from '../../support/shop-federation.ts';

describeCompletions('responses that do not fit', (executor) => {
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
});
