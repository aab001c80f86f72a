import { ApolloServer, HeaderMap } from '@apollo/server';
import { ApolloServerPluginInlineTraceDisabled } from '@apollo/server/plugin/disabled';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { HouseSettings } from '@aduana/core/config/house-settings';
import { guardSchema, refuseIntrospection } from '@aduana/core/graphql/guard';
import { createErrorMask } from '@aduana/core/graphql/mask-error';
import { requireAccessToken } from '@aduana/core/http/require-access-token';
import { requirePeer } from '@aduana/core/http/require-peer';
import type { Route, ServiceRequest, ServiceResponse } from '@aduana/core/http/route';
import { graphqlErrorResponse, toSecurityError } from '@aduana/core/http/error-response';
import type { PeerIdentity } from '@aduana/core/mtls/peer-identity';
import type { Log } from '@aduana/core/platform/log';
import type { VerifiedToken } from '@aduana/core/tokens/access-token';
import type { VerifyAccessToken } from '@aduana/core/tokens/verify-access-token';
import type { TraceContext } from '@aduana/core/wire/trace-context';
import { parse } from 'graphql';

/** What a resolver of the house knows of its request. */
export interface SubgraphContext {
  readonly token: VerifiedToken;
  readonly peer: PeerIdentity;
  readonly trace: TraceContext;
  readonly signal: AbortSignal;
}

export interface SubgraphOptions {
  readonly name: string;
  readonly sdl: string;
  readonly resolvers: Readonly<Record<string, unknown>>;
  /** SPIFFE IDs of those who may ask: the gateway. */
  readonly peers: ReadonlySet<string>;
  /** Of access tokens for this subgraph's audience. */
  readonly verify: VerifyAccessToken;
  readonly mode: HouseSettings['AUTHORIZATION_MODE'];
  readonly log: Log;
}

type SubgraphModule = Extract<Parameters<typeof buildSubgraphSchema>[0], { typeDefs: unknown }>;

const BODY_LIMIT_BYTES = 4_194_304;

/** The `POST /graphql` of a subgraph of the house: peer, token, guard, resolvers; errors leave with a code and nothing else. */
export async function createSubgraphRoute(options: SubgraphOptions): Promise<Route> {
  const { sdl, resolvers, mode, log } = options;
  const schema = buildSubgraphSchema({
    typeDefs: parse(sdl),
    resolvers: resolvers as NonNullable<SubgraphModule['resolvers']>,
  });
  const server = new ApolloServer<SubgraphContext>({
    schema: guardSchema(schema, sdl, { mode }),
    validationRules: [refuseIntrospection],
    introspection: true, // refused by the rule above, with its own code
    persistedQueries: false,
    csrfPrevention: false, // no browser holds a peer's certificate and a token bound to it
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    nodeEnv: 'production',
    formatError: createErrorMask(log),
    plugins: [ApolloServerPluginInlineTraceDisabled()], // a header of the peer would turn them on
  });
  await server.start();

  return {
    method: 'POST',
    path: '/graphql',
    async handle(request) {
      try {
        return await serve(server, request, options);
      } catch (error) {
        return graphqlErrorResponse(toSecurityError(error));
      }
    },
  };
}

async function serve(
  server: ApolloServer<SubgraphContext>,
  request: ServiceRequest,
  options: SubgraphOptions,
): Promise<ServiceResponse> {
  const peer = requirePeer(request, options.peers);
  const token = await requireAccessToken(request, options.verify, { bindingRequired: true });
  const text = (await request.body(BODY_LIMIT_BYTES)).toString('utf8');
  const body = parseJson(text);
  const { status, headers, body: answer } = await server.executeHTTPGraphQLRequest({
    httpGraphQLRequest: {
      method: 'POST',
      headers: new HeaderMap([['content-type', 'application/json']]),
      search: '',
      body,
    },
    context: () => Promise.resolve({ token, peer, trace: request.trace, signal: request.signal }),
  }); // prettier-ignore
  if (answer.kind !== 'complete') throw new SecurityError('BAD_REQUEST', { detail: 'incremental delivery' });
  return { status: status ?? 200, headers: Object.fromEntries(headers), body: answer.string };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SecurityError('BAD_REQUEST', { detail: 'the body is not JSON', cause: error });
  }
}
