// Apollo Gateway on Apollo Server, out of the box; `jwt` checks the caller's token. Run from bench/peers.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const { peers, supergraph, port, jwt, key } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const require = createRequire(join(peers, 'package.json'));
const load = (name) => import(pathToFileURL(require.resolve(name)));

const { ApolloGateway } = await load('@apollo/gateway');
const { ApolloServer } = await load('@apollo/server');
const { startStandaloneServer } = await load('@apollo/server/standalone');
const { importSPKI, jwtVerify } = await load('jose');

const publicKey = jwt ? await importSPKI(key, 'ES256') : undefined;
const server = new ApolloServer({
  gateway: new ApolloGateway({ supergraphSdl: readFileSync(supergraph, 'utf8') }),
});
await startStandaloneServer(server, {
  listen: { port, host: '127.0.0.1' },
  context: async ({ req }) => {
    if (!jwt) return {};
    const { payload } = await jwtVerify((req.headers.authorization ?? '').slice('Bearer '.length), publicKey);
    return { caller: payload.sub };
  },
});
