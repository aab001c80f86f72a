const PRODUCT = 'upc name price weight inStock shippingEstimate';
const USER = 'id username name';

/** Five levels over four subgraphs: lists of entities, there and back, most of them more than once. */
const big = `query Big {
  users { ${USER} reviews { id body product { ${PRODUCT} reviews { id body author { ${USER} reviews { id body product { ${PRODUCT} } } } } } } }
  topProducts { ${PRODUCT} reviews { id body author { ${USER} reviews { id body product { ${PRODUCT} } } } } }
}`;

/** Two hops. */
const medium = `query Medium { topProducts(first: 3) { upc name reviews { id body author { id username } } } }`;

/** One root field. */
const small = `query Small { user(id: "1") { id name username birthday } }`;

export const QUERIES = { big, medium, small };
