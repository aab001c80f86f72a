const USERS = 6;
const PRODUCTS = 9;
const REVIEWS = 20;

const users = Array.from({ length: USERS }, (_, n) => ({
  __typename: 'User',
  id: String(n + 1),
  name: `User Number ${n + 1}`,
  username: `user-${n + 1}`,
  birthday: 1960 + n,
}));

const products = Array.from({ length: PRODUCTS }, (_, n) => ({
  __typename: 'Product',
  upc: String(n + 1),
  name: `Product with the number ${n + 1}`,
  price: 100 * (n + 3),
  weight: 10 * (n + 1),
}));

const reviews = Array.from({ length: REVIEWS }, (_, n) => ({
  id: String(n + 1),
  body: `Review ${n + 1}: would buy again, and again after that`,
  author: users[n % USERS],
  product: products[(n * 5) % PRODUCTS],
}));

const userById = (id) => users.find((user) => user.id === id) ?? null;
const productByUpc = (upc) => products.find((product) => product.upc === upc) ?? null;

/** By subgraph. */
export const RESOLVERS = {
  accounts: {
    Query: { users: () => users, user: (_, { id }) => userById(id) },
    User: { __resolveReference: ({ id }) => userById(id) },
  },
  products: {
    Query: {
      topProducts: (_, { first }) => products.slice(0, first),
      product: (_, { upc }) => productByUpc(upc),
    },
    Product: { __resolveReference: ({ upc }) => productByUpc(upc) },
  },
  reviews: {
    Review: { __resolveReference: ({ id }) => reviews.find((review) => review.id === id) ?? null },
    User: {
      __resolveReference: ({ id }) => userById(id),
      reviews: ({ id }) => reviews.filter(({ author }) => author.id === id),
    },
    Product: {
      __resolveReference: ({ upc }) => productByUpc(upc),
      reviews: ({ upc }) => reviews.filter(({ product }) => product.upc === upc),
    },
  },
  inventory: {
    Product: {
      __resolveReference: (reference) => reference,
      inStock: ({ upc }) => Number(upc) % 2 === 0,
      shippingEstimate: ({ price, weight }) => Math.round((price * weight) / 100),
    },
  },
};
