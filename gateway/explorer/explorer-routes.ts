import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Route } from '@aduana/core/http/route';
import { type ExplorerPage, explorerPage } from './explorer-page.ts';

interface Asset {
  readonly path: string;
  readonly file: string;
  readonly type: string;
}

const SANDBOX: ExplorerPage = {
  title: 'Sandbox',
  other: { path: '/graphiql', label: 'GraphiQL (works offline)' },
  styles: ['/explorer/explorer.css'],
  scripts: ['/explorer/sandbox-page.js'],
};
const GRAPHIQL: ExplorerPage = {
  title: 'GraphiQL',
  other: { path: '/', label: 'Apollo Sandbox' },
  styles: ['/explorer/graphiql.css', '/explorer/explorer.css'],
  scripts: [
    '/explorer/react.js',
    '/explorer/react-dom.js',
    '/explorer/graphiql.js',
    '/explorer/graphiql-page.js',
  ],
};

const HTML = 'text/html; charset=utf-8';
const SCRIPT = 'text/javascript; charset=utf-8';
const STYLE = 'text/css; charset=utf-8';

const NOTHING_ELSE = `default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
/** GraphiQL comes from our own origin alone; its editor sets styles from scripts. */
const GRAPHIQL_POLICY = `${NOTHING_ELSE}; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'`;
/** Sandbox is Apollo's: the browser loads it from Apollo, and it asks through our page. */
const SANDBOX_POLICY = `${NOTHING_ELSE}; script-src 'self' https://embeddable-sandbox.cdn.apollographql.com; style-src 'self' 'unsafe-inline'; img-src 'self' data: https:; connect-src 'self'; frame-src https://sandbox.embed.apollographql.com`;

/** The explorers: Apollo Sandbox at `/`, GraphiQL at `/graphiql`; pages and scripts, no credentials and no data. */
export function createExplorerRoutes(): readonly Route[] {
  const page = (path: string, content: ExplorerPage, policy: string): Route =>
    routeTo(path, HTML, policy, () => explorerPage(content));
  return [
    page('/', SANDBOX, SANDBOX_POLICY),
    page('/graphiql', GRAPHIQL, GRAPHIQL_POLICY),
    ...assets().map(({ path, file, type }) => routeTo(path, type, NOTHING_ELSE, () => readFile(file))),
  ];
}

function routeTo(path: string, type: string, policy: string, read: () => Promise<string | Buffer>): Route {
  return {
    method: 'GET',
    path,
    handle: async () => ({
      status: 200,
      headers: {
        'content-type': type,
        'content-security-policy': policy,
        'cross-origin-opener-policy': 'same-origin',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-cache',
      },
      body: await read(),
    }),
  };
}

function assets(): readonly Asset[] {
  const own = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const require = createRequire(import.meta.url);
  const packaged = (name: string, file: string) =>
    join(dirname(require.resolve(`${name}/package.json`)), file);
  return [
    { path: '/explorer/explorer.css', file: own('explorer.css'), type: STYLE },
    { path: '/explorer/caller.js', file: own('caller.js'), type: SCRIPT },
    { path: '/explorer/results.js', file: own('results.js'), type: SCRIPT },
    { path: '/explorer/sandbox-page.js', file: own('sandbox-page.js'), type: SCRIPT },
    { path: '/explorer/graphiql-page.js', file: own('graphiql-page.js'), type: SCRIPT },
    { path: '/explorer/react.js', file: packaged('react', 'umd/react.production.min.js'), type: SCRIPT },
    {
      path: '/explorer/react-dom.js',
      file: packaged('react-dom', 'umd/react-dom.production.min.js'),
      type: SCRIPT,
    },
    { path: '/explorer/graphiql.js', file: packaged('graphiql', 'graphiql.min.js'), type: SCRIPT },
    { path: '/explorer/graphiql.css', file: packaged('graphiql', 'graphiql.min.css'), type: STYLE },
  ];
}
