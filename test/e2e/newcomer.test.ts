import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { createHandler } from 'graphql-http/lib/use/http';
import { parse } from 'graphql';
import { composeSupergraph } from '../../gateway/supergraph/compose-supergraph.ts';
import { installCommandLine, installPackages, run } from '../support/installed-packages.ts';

/** GraphQL Yoga without its types, which bring those of a browser. */
const YOGA = 'graphql-yoga';
const { createYoga } = (await import(YOGA)) as {
  createYoga(options: object): RequestListener;
};

const LINK =
  'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@authenticated", "@requiresScopes"])';
const PRODUCTS = `${LINK}
  type Query { products: [Product!]! @requiresScopes(scopes: [["products:read"]]) }
  type Product @key(fields: "id") @authenticated { id: ID! name: String! }`;
const REVIEWS = `${LINK}
  type Product @key(fields: "id") @authenticated { id: ID! reviews: [String!] @requiresScopes(scopes: [["reviews:read"]]) }`;
const PORTS = {
  GATEWAY_HTTP_PORT: '0',
  GATEWAY_TLS_PORT: '0',
  STS_PORT: '0',
  AUDIT_PORT: '0',
  ADMIN_PORT: '0',
  CONSOLE_PORT: '0',
};
const READY_MS = 120_000;

let folder: string;
let up: ChildProcess | undefined;
const servers: Server[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aduana-newcomer-'));
  const tarballs = await installPackages(folder);
  await installCommandLine(folder, tarballs.get('cli') ?? '');
}, 300_000);

afterAll(async () => {
  await stopUp();
  for (const server of servers) server.close();
  await rm(folder, { recursive: true, force: true });
});

const environment = (): NodeJS.ProcessEnv => {
  const { NODE_OPTIONS: _, DATABASE_URL: __, REDIS_URL: ___, ...env } = process.env;
  return { ...env, ...PORTS };
};

/** A command as the newcomer types it, in a folder; what it printed, with its exit code. */
async function aduana(cwd: string, ...args: string[]): Promise<{ code: number; text: string }> {
  const child = spawn(join(folder, 'node_modules/.bin/aduana'), args, { cwd, env: environment() });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (bytes: Buffer) => (text += bytes.toString()));
  const [code] = (await once(child, 'close')) as [number];
  return { code, text };
}

async function listen(server: Server): Promise<string> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/graphql`;
}

async function startUp(cwd: string): Promise<void> {
  up = spawn(join(folder, 'node_modules/.bin/aduana'), ['up'], { cwd, env: environment() });
  let printed = '';
  const started = up;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => { reject(new Error(printed)); }, READY_MS); // prettier-ignore
    for (const stream of [started.stdout, started.stderr])
      stream?.on('data', (bytes: Buffer) => {
        printed += bytes.toString();
        if (!printed.includes('aduana ready')) return;
        clearTimeout(timer);
        resolve();
      });
    started.once('exit', () => { reject(new Error(printed)); }); // prettier-ignore
  });
}

async function stopUp(): Promise<void> {
  if (up?.exitCode !== null) return;
  up.kill('SIGINT');
  await once(up, 'exit');
}

/** The subgraphs of other people: one on GraphQL Yoga, one on graphql-http. */
async function startSubgraphs(): Promise<{ readonly products: string; readonly reviews: string }> {
  const products = await listen(
    createServer(
      createYoga({
        logging: false,
        schema: buildSubgraphSchema({
          typeDefs: parse(PRODUCTS),
          resolvers: { Query: { products: () => [{ id: '1', name: 'Lamp' }] } },
        }),
      }),
    ),
  );
  const plainHandler = createHandler({
    schema: buildSubgraphSchema({
      typeDefs: parse(REVIEWS),
      resolvers: { Product: { reviews: () => ['Bright'] } },
    }),
  });
  const reviews = await listen(
    createServer((request, response) => {
      void plainHandler(request, response);
    }),
  );
  return { products, reviews };
}

/** Everything after `init`: a role, a query that works, one that is refused, why, and the log. */
async function goOn(cwd: string): Promise<void> {
  const file = join(cwd, 'policies/service_identities.yaml');
  const identities = await readFile(file, 'utf8');
  await writeFile(
    file,
    identities.replace(/(\n {2}bff:[^]*?roles:\n {6}- bff)/, '$1\n      - products_read'),
  );
  expect((await aduana(cwd, 'policy', 'lint')).text).toMatch(/nobody holds the role reviews_read/);
  await startUp(cwd);
  const allowed = await aduana(cwd, 'query', '--as', 'bff', '{ products { id name } }');
  expect(allowed.text).toMatch(/"name": "Lamp"/);
  const refused = await aduana(cwd, 'query', '--as', 'bff', '{ products { id reviews } }');
  expect(refused.text).toMatch(/"reviews": null[^]*UNAUTHORIZED_FIELD_OR_TYPE/);
  const why = await aduana(cwd, 'policy', 'explain', '--as', 'bff', '--document', '{ products { reviews } }');
  expect(why.text).toMatch(/reviews:read/);
  const verified = await aduana(cwd, 'audit', 'verify');
  expect([verified.code, verified.text]).toEqual([0, expect.stringMatching(/WHOLE/i)]);
  await stopUp();
}

/** The configuration and the supergraph of an Apollo Router that stands before these subgraphs. */
async function writeRouter(cwd: string, urls: Readonly<Record<string, string>>): Promise<void> {
  const sdls: Readonly<Record<string, string>> = { products: PRODUCTS, reviews: REVIEWS };
  const composed = composeSupergraph(
    Object.entries(sdls).map(([name, sdl]) => ({ name, sdl, origin: name, url: `http://${name}.internal/` })),
  );
  if (!composed.ok) throw new Error(JSON.stringify(composed.problems));
  await writeFile(join(cwd, 'supergraph.graphql'), composed.sdl);
  const overrides = Object.entries(urls).map(([name, url]) => `  ${name}: ${url}\n`);
  await writeFile(
    join(cwd, 'router.yaml'),
    `supergraph:\n  introspection: true\nlimits:\n  max_depth: 12\noverride_subgraph_url:\n${overrides.join('')}rhai:\n  scripts: ./scripts\n`,
  );
}

describe('a newcomer with two subgraphs of other servers, and the packed packages', () => {
  test('is behind the gateway in ten commands: one query works, one is refused, and the log is whole', async () => {
    const { products, reviews } = await startSubgraphs();
    const init = await aduana(
      folder,
      'init',
      '--from',
      `products=${products}`,
      '--from',
      `reviews=${reviews}`,
    );
    expect([init.code, init.text]).toEqual([0, expect.stringMatching(/Query\.products +.*products:read/)]);
    await goOn(folder);
  }, 300_000);

  test('comes from an Apollo Router in as many', async () => {
    const cwd = await mkdtemp(join(folder, 'router-'));
    await writeRouter(cwd, await startSubgraphs());
    const init = await aduana(cwd, 'init', '--from', 'router.yaml', '--from', 'supergraph.graphql');
    expect([init.code, init.text]).toEqual([0, expect.stringMatching(/Not taken over:\n {2}rhai: /)]);
    await goOn(cwd);
  }, 300_000);

  test('the starter graph composes against the installed packages', async () => {
    const other = await mkdtemp(join(folder, 'starter-'));
    const bin = join(folder, 'node_modules/.bin/aduana');
    const { stdout } = await run(bin, ['init'], other);
    expect(stdout).toMatch(/Query\.notes +authenticated/);
    const check = await run(process.execPath, ['--check', 'notes/notes.mjs'], other);
    expect(check.stderr).toBe('');
  });
});
