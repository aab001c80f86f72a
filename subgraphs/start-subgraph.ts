import { ApolloServer, HeaderMap } from '@apollo/server';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { SecurityError } from '@aduana/core/errors/security-error';
import { guardSchema } from '@aduana/core/graphql/guard';
import { requirePeer } from '@aduana/core/http/require-peer';
import type { Route, ServiceRequest, ServiceResponse } from '@aduana/core/http/route';
import { graphqlErrorResponse, toSecurityError } from '@aduana/core/http/error-response';
import type { PeerIdentity } from '@aduana/core/mtls/peer-identity';
import { describeError, type Log } from '@aduana/core/platform/log';
import type { VerifiedToken } from '@aduana/core/tokens/access-token';
import type { TraceContext } from '@aduana/core/wire/trace-context';
import { type GraphQLFormattedError, parse } from 'graphql';

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
  /** Verifies the access token for this audience, bound to this peer. */
  readonly authenticate: (request: ServiceRequest, peer: PeerIdentity) => Promise<VerifiedToken>;
  readonly log: Log;
}

type SubgraphModule = Extract<Parameters<typeof buildSubgraphSchema>[0], { typeDefs: unknown }>;

const BODY_LIMIT_BYTES = 4_194_304;

/** The `POST /graphql` of a subgraph of the house: peer, token, guard, resolvers; errors leave with a code and nothing else. */
export async function createSubgraphRoute(options: SubgraphOptions): Promise<Route> {
  const { sdl, resolvers, log } = options;
  const schema = buildSubgraphSchema({
    typeDefs: parse(sdl),
    resolvers: resolvers as NonNullable<SubgraphModule['resolvers']>,
  });
  const server = new ApolloServer<SubgraphContext>({
    schema: guardSchema(schema, sdl),
    introspection: true, // the guard refuses introspection to everybody, with its own code
    persistedQueries: false,
    csrfPrevention: false, // no browser holds a peer's certificate and a token bound to it
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    nodeEnv: 'production',
    formatError: (formatted, error) => maskError(formatted, error, log),
  });
  server.logger.info = () => undefined;
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
  const token = await options.authenticate(request, peer);
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

/** Keeps codes of the table and what they carry; anything else is logged and becomes `INTERNAL_SERVER_ERROR`. */
function maskError(formatted: GraphQLFormattedError, error: unknown, log: Log): GraphQLFormattedError {
  const original = (error as { originalError?: unknown }).originalError ?? error;
  const at = formatted.path === undefined ? {} : { path: formatted.path };
  if (original instanceof SecurityError) {
    const { code, message, extensions } = original;
    return { message, ...at, extensions: { code, ...extensions } };
  }
  const code = formatted.extensions?.['code'];
  if (code === 'GRAPHQL_PARSE_FAILED' || code === 'GRAPHQL_VALIDATION_FAILED' || code === 'BAD_USER_INPUT')
    return { message: formatted.message, ...at, extensions: { code } };
  log.error('a resolver failed', { error: describeError(original), path: formatted.path?.join('.') });
  const masked = new SecurityError('INTERNAL_SERVER_ERROR');
  return { message: masked.message, ...at, extensions: { code: masked.code } };
}
