import { readFileSync } from 'node:fs';
import { composeServices } from '@apollo/composition';
import { parse } from 'graphql';

export const SUBGRAPHS = ['accounts', 'products', 'reviews', 'inventory'];

const SECURITY = '@requiresScopes';
const GUARD = /\s*@requiresScopes\(scopes: \[\["[a-z:]+"\]\]\)/g;

/** The schema of a subgraph; without its guards for gateways that refuse to load them. */
export function schemaOf(name, guarded) {
  const text = readFileSync(new URL(`${name}.graphql`, import.meta.url), 'utf8');
  const imports = ['@key', '@requires', '@external', ...(guarded ? [SECURITY] : [])];
  const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ${JSON.stringify(imports)})`;
  return `${link}\n${guarded ? text : text.replace(GUARD, '')}`;
}

export function composeWorkload(guarded, urlOf) {
  const { supergraphSdl, errors } = composeServices(
    SUBGRAPHS.map((name) => ({ name, url: urlOf(name), typeDefs: parse(schemaOf(name, guarded)) })),
  );
  if (supergraphSdl === undefined) throw new TypeError(String(errors));
  return supergraphSdl;
}
