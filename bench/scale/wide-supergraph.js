import { composeServices } from '@apollo/composition';
import { parse } from 'graphql';

const LINK =
  'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@requiresScopes"])\n';
const GUARD = '@requiresScopes(scopes: [["leads:read"]])';

/** `s0` lists items; each further subgraph adds fields to them: one hop from the first to each. */
export function subgraphSchema(index) {
  const query = `type Query { items(first: Int!): [Item!]! ${GUARD} } `;
  const fields = Array.from({ length: 10 }, (_, field) => `s${index}_f${field}: String`);
  return `${LINK}${index === 0 ? query : ''}type Item @key(fields: "id") { id: ID! ${fields.join(' ')} }`;
}

export function subgraphNames(count) {
  return Array.from({ length: count }, (_, index) => `s${index}`);
}

export function composeWide(count, urlOf) {
  const { supergraphSdl, errors } = composeServices(
    subgraphNames(count).map((name, index) => ({
      name,
      url: urlOf(name),
      typeDefs: parse(subgraphSchema(index)),
    })),
  );
  if (supergraphSdl === undefined) throw new TypeError(String(errors));
  return supergraphSdl;
}
