import { expect, it } from '@jest/globals';
import { openFederation } from '../../support/federation.ts';
import { describeCompletions } from '../../support/test-executor.ts';

const SHOP = openFederation({
  products: {
    sdl: `
      type Query { product: Product }
      type Product @key(fields: "id") { id: ID! secret: String @requiresScopes(scopes: [["secrets:read"]]) }
    `,
    resolvers: { Query: { product: () => ({ id: '1', secret: 'gold' }) } },
  },
  reviews: {
    sdl: 'type Product @key(fields: "id") { id: ID! rating: Float }',
    resolvers: { Product: { __resolveReference: (it: object) => it, rating: () => 4.5 } },
  },
});

describeCompletions('@defer', (executor) => {
  it('is answered in one piece by a gateway that is asked for one answer', async () => {
    const { data, errors } = await SHOP.ask(
      executor,
      'query ($later: Boolean!) { product { id ...Rated @defer(if: $later, label: "rated") } } fragment Rated on Product { rating }',
      { variables: { later: true } },
    );
    expect(errors).toEqual([]);
    expect(data).toEqual({ product: { id: '1', rating: 4.5 } });
  });

  it('hides no field that is refused', async () => {
    const { data, errors } = await SHOP.ask(executor, '{ product { id ... @defer { secret rating } } }');
    expect(data).toEqual({ product: { id: '1', secret: null, rating: 4.5 } });
    expect(errors).toMatchObject([{ path: ['product', 'secret'] }]);
  });
});
