import { readFile } from 'node:fs/promises';
import { ApolloServer, HeaderMap } from '@apollo/server';
import { ApolloServerPluginInlineTraceDisabled } from '@apollo/server/plugin/disabled';
import { buildSubgraphSchema } from '@apollo/subgraph';
import type { HouseSettings } from '@aduana/core/config/house-settings';
import { SecurityError } from '@aduana/core/errors/security-error';
import { guardSchema, refuseIntrospection } from '@aduana/core/graphql/guard';
import { createErrorMask } from '@aduana/core/graphql/mask-error';
import { graphqlErrorResponse, toSecurityError } from '@aduana/core/http/error-response';
import { requireAccessToken } from '@aduana/core/http/require-access-token';
import { requirePeer } from '@aduana/core/http/require-peer';
import type { Route, ServiceRequest } from '@aduana/core/http/route';
import type { Log } from '@aduana/core/platform/log';
import type { VerifiedToken } from '@aduana/core/tokens/access-token';
import type { VerifyAccessToken } from '@aduana/core/tokens/verify-access-token';
import { parse } from 'graphql';
import type { LeadBook } from './lead-book.ts';
import { createResolvers } from './resolvers.ts';

export interface LeadsRouteOptions {
  readonly book: LeadBook;
  /** SPIFFE IDs of those who may ask: the gateway. */
  readonly peers: ReadonlySet<string>;
  /** The verifier of tokens whose audience is this subgraph. */
  readonly verify: VerifyAccessToken;
  readonly mode: HouseSettings['AUTHORIZATION_MODE'];
  readonly log: Log;
}

const BODY_LIMIT_BYTES = 1_048_576;

/** `POST /graphql`: the gateway's certificate, a token for this subgraph bound to it, the guard, and then a resolver. */
export async function createLeadsRoute({
  book,
  peers,
  verify,
  mode,
  log,
}: LeadsRouteOptions): Promise<Route> {
  const sdl = await readFile(new URL('schema.graphql', import.meta.url), 'utf8');
  const schema = buildSubgraphSchema({ typeDefs: parse(sdl), resolvers: createResolvers(book) });
  const server = new ApolloServer<{ token: VerifiedToken }>({
    schema: guardSchema(schema, sdl, { mode }),
    validationRules: [refuseIntrospection],
    formatError: createErrorMask(log),
    plugins: [ApolloServerPluginInlineTraceDisabled()],
    introspection: true, // refused by the rule above, with a code
    csrfPrevention: false, // no browser holds the gateway's certificate
    persistedQueries: false,
    stopOnTerminationSignals: false,
    nodeEnv: 'production',
  });
  await server.start();

  const run = async (request: ServiceRequest) => {
    requirePeer(request, peers);
    const token = await requireAccessToken(request, verify);
    const { status, body } = await server.executeHTTPGraphQLRequest({
      httpGraphQLRequest: {
        method: 'POST',
        headers: new HeaderMap([['content-type', 'application/json']]),
        search: '',
        body: parseJson(await request.body(BODY_LIMIT_BYTES)),
      },
      context: () => Promise.resolve({ token }),
    });
    if (body.kind !== 'complete') throw new SecurityError('BAD_REQUEST', { detail: 'incremental delivery' });
    return { status: status ?? 200, headers: { 'content-type': 'application/json' }, body: body.string };
  };
  return {
    method: 'POST',
    path: '/graphql',
    handle: (request) => run(request).catch((error: unknown) => graphqlErrorResponse(toSecurityError(error))),
  };
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new SecurityError('BAD_REQUEST', { detail: 'the body is not JSON', cause: error });
  }
}
