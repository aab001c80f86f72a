import { SecurityError } from '@aduana/core/errors/security-error';
import { type Call, openFederation } from './federation.ts';
import type { Reference } from './entity-reference.ts';

/** A federation whose products come from one subgraph and their ratings from another. */
export const SHOP = openFederation({
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

export const UNAVAILABLE = {
  message: 'A subgraph did not answer',
  extensions: { code: 'SUBGRAPH_UNAVAILABLE' },
};
export const FAULTY = {
  message: 'A subgraph answered with an error',
  extensions: { code: 'SUBGRAPH_ERROR' },
};

/** The `answer` of a subgraph that cannot be reached. */
export const down = (name: string) => (call: Call) => {
  if (call.subgraph === name)
    throw new SecurityError('SUBGRAPH_UNAVAILABLE', { detail: 'connect 10.0.0.7:4001' });
  return undefined;
};
/** An `answer` that one subgraph gives instead of its own. */
export const instead = (name: string, answer: unknown) => (call: Call) =>
  call.subgraph === name ? answer : undefined;
