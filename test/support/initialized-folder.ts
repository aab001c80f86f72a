import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';
import { createInstallation } from '../../cli/init/create-installation.ts';
import { parseSupergraphConfig } from '../../gateway/supergraph/supergraph-config.ts';
import { composeSupergraph } from '../../gateway/supergraph/compose-supergraph.ts';
import { printingContext } from './printing-context.ts';

const LINK =
  'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@requiresScopes", "@policy"])\n';
export const PRODUCTS = `${LINK}
  type Query { products: [Product!]! @requiresScopes(scopes: [["products:read"]]) }
  type Product @key(fields: "id") { id: ID! price: Int @policy(policies: [["pricing"]]) stock: Int }`;
export const REVIEWS = `${LINK}
  type Product @key(fields: "id") { id: ID! reviews: [String!] @requiresScopes(scopes: [["reviews:read all"]]) }`;
const VARIABLES = { STS_PORT: '8011', AUDIT_PORT: '8012', ADMIN_PORT: '8013' };

/** A new folder for each test. */
export let folder: string;
const servers: Server[] = [];
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'aduana-init-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
  for (const server of servers.splice(0)) server.close();
});

export const inFolder = (file: string): string => path.join(folder, file);
export const textOf = (file: string): Promise<string> => readFile(inFolder(file), 'utf8');

/** Runs `aduana init` in the folder; what it printed. */
export async function init(from: readonly string[] = [], isDryRun = false): Promise<string> {
  const printed: string[] = [];
  await createInstallation({ folder, from, isDryRun }, printingContext(printed));
  return printed.join('\n');
}

/** Somebody's subgraph, which answers every request with this text. */
export async function serve(text: string): Promise<string> {
  const server = createServer((_request, response) => response.end(text));
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/graphql`;
}

export const serveSdl = (sdl: string): Promise<string> =>
  serve(JSON.stringify({ data: { _service: { sdl } } }));

/** Writes a file into the folder; its path. */
export async function saved(name: string, text: string): Promise<string> {
  await writeFile(inFolder(name), text);
  return inFolder(name);
}

/** The supergraph of `PRODUCTS` and `REVIEWS`. */
export function composed(): string {
  const composition = composeSupergraph([
    { name: 'products', url: 'https://products.example/graphql', sdl: PRODUCTS, origin: 'products' },
    { name: 'reviews', url: 'https://reviews.example/graphql', sdl: REVIEWS, origin: 'reviews' },
  ]);
  if (!composition.ok) throw new Error(JSON.stringify(composition.problems));
  return composition.sdl;
}

/** The subgraphs that `supergraph.yaml` in the folder configures. */
export async function configured() {
  const { subgraphs } = parseSupergraphConfig(await textOf('supergraph.yaml'), 'supergraph.yaml', {
    variables: VARIABLES,
    allowPlainLoopback: true,
  });
  return subgraphs;
}
