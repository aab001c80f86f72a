import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Route } from '@aduana/core/http/route';

interface Page {
  readonly path: string;
  readonly file: string;
  readonly type: string;
  readonly policy?: string;
}

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
  return pages().map(({ path, file, type, policy = NOTHING_ELSE }) => ({
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
      body: await readFile(file),
    }),
  }));
}

function pages(): readonly Page[] {
  const own = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const require = createRequire(import.meta.url);
  const packaged = (name: string, file: string) =>
    join(dirname(require.resolve(`${name}/package.json`)), file);
  return [
    { path: '/', file: own('sandbox.html'), type: HTML, policy: SANDBOX_POLICY },
    { path: '/graphiql', file: own('graphiql.html'), type: HTML, policy: GRAPHIQL_POLICY },
    { path: '/explorer/explorer.css', file: own('explorer.css'), type: STYLE },
    { path: '/explorer/caller.js', file: own('caller.js'), type: SCRIPT },
    { path: '/explorer/sandbox-page.js', file: own('sandbox-page.js'), type: SCRIPT },
    { path: '/explorer/graphiql-page.js', file: own('graphiql-page.js'), type: SCRIPT },
    { path: '/explorer/react.js', file: packaged('react', 'umd/react.production.min.js'), type: SCRIPT },
    { path: '/explorer/react-dom.js', file: packaged('react-dom', 'umd/react-dom.production.min.js'), type: SCRIPT },
    { path: '/explorer/graphiql.js', file: packaged('graphiql', 'graphiql.min.js'), type: SCRIPT },
    { path: '/explorer/graphiql.css', file: packaged('graphiql', 'graphiql.min.css'), type: STYLE },
  ]; // prettier-ignore
}
