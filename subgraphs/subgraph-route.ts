import { ApolloServer, type ApolloServerPlugin, HeaderMap } from '@apollo/server';
import { ApolloServerPluginInlineTraceDisabled } from '@apollo/server/plugin/disabled';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { ServiceSettings } from '@aduana/server-kit/config/service-settings';
import { guardSchema } from '@aduana/server-kit/graphql/guard';
import { refuseIntrospection } from '@aduana/subgraph/graphql/refuse-introspection';
import { createErrorMask } from '@aduana/subgraph/graphql/mask-error';
import { requireAccessToken, shownToken } from '@aduana/core/http/require-access-token';
import { requirePeer } from '@aduana/core/http/require-peer';
import type { Route, ServiceRequest, ServiceResponse } from '@aduana/core/http/route';
import { graphqlErrorResponse, toSecurityError } from '@aduana/core/http/error-response';
import type { PeerIdentity } from '@aduana/core/mtls/peer-identity';
import type { Log } from '@aduana/core/platform/log';
import { Secret } from '@aduana/core/secrets/secret';
import type { VerifiedToken } from '@aduana/core/tokens/access-token';
import type { VerifyAccessToken } from '@aduana/core/tokens/verify-access-token';
import type { TraceContext } from '@aduana/core/wire/trace-context';
import { parse } from 'graphql';
import {
  createSubscriptionAnswers,
  type SubscriptionAnswers,
  type SubscriptionOptions,
} from './subscription-answers.ts';

/** What a resolver of the deployment knows of its request. */
export interface SubgraphContext {
  readonly token: VerifiedToken;
  /** That token as it was shown: proof to the STS, by whom it was made for this service, of who asked. */
  readonly credential: Secret;
  readonly peer: PeerIdentity;
  readonly trace: TraceContext;
  readonly signal: AbortSignal;
}

export interface SubgraphOptions {
  readonly name: string;
  readonly sdl: string;
  readonly resolvers: Readonly<Record<string, unknown>>;
  /** SPIFFE IDs of those who may ask: the gateway, and whoever may come without it. */
  readonly peers: ReadonlySet<string>;
  /** Of access tokens for this subgraph's audience. */
  readonly verify: VerifyAccessToken;
  readonly mode: ServiceSettings['AUTHORIZATION_MODE'];
  /** Default: a field that no directive guards is open to whoever is authenticated. */
  readonly unguardedFields?: ServiceSettings['UNGUARDED_FIELDS'];
  /** For a schema with subscriptions. */
  readonly subscriptions?: SubscriptionOptions;
  readonly log: Log;
}

type SubgraphModule = Extract<Parameters<typeof buildSubgraphSchema>[0], { typeDefs: unknown }>;

const BODY_LIMIT_BYTES = 4_194_304;

/** The `POST /graphql` of a subgraph of the deployment: peer, token, guard, resolvers; errors leave with a code and nothing else. */
export async function createSubgraphRoute(options: SubgraphOptions): Promise<Route> {
  const { sdl, resolvers, mode, unguardedFields = 'authenticated', log } = options;
  const schema = buildSubgraphSchema({
    typeDefs: parse(sdl),
    resolvers: resolvers as NonNullable<SubgraphModule['resolvers']>,
  });
  const guarded = guardSchema(schema, sdl, { mode, unguardedFields });
  const mask = createErrorMask(log);
  const traces = createErrorTraces();
  const server = new ApolloServer<SubgraphContext>({
    schema: guarded,
    validationRules: [refuseIntrospection],
    introspection: true, // refused by the rule above, with its own code
    persistedQueries: false,
    csrfPrevention: false, // no browser holds a peer's certificate and a token bound to it
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    nodeEnv: 'production',
    formatError: (formatted, error) => mask(formatted, error, traces.of(error)),
    plugins: [ApolloServerPluginInlineTraceDisabled(), traces.plugin], // a header of the peer would turn the first on
  });
  await server.start();
  const { subscriptions } = options;
  const streams = subscriptions && createSubscriptionAnswers(guarded, mask, { ...subscriptions, log });

  return {
    method: 'POST',
    path: '/graphql',
    async handle(request) {
      try {
        return await serve(server, streams, request, options);
      } catch (error) {
        return graphqlErrorResponse(toSecurityError(error));
      }
    },
  };
}

/** The request in which an error occurred: what formats errors does not get it. */
function createErrorTraces() {
  const known = new WeakMap<object, TraceContext>();
  const plugin: ApolloServerPlugin<SubgraphContext> = {
    requestDidStart: () =>
      Promise.resolve({
        didEncounterErrors({ errors, contextValue }) {
          for (const error of errors) known.set(error, contextValue.trace);
          return Promise.resolve();
        },
      }),
  };
  return {
    plugin,
    of: (error: unknown) => (typeof error === 'object' && error !== null ? known.get(error) : undefined),
  };
}

async function serve(
  server: ApolloServer<SubgraphContext>,
  streams: SubscriptionAnswers | undefined,
  request: ServiceRequest,
  options: SubgraphOptions,
): Promise<ServiceResponse> {
  const peer = requirePeer(request, options.peers);
  const token = await requireAccessToken(request, options.verify, { bindingRequired: true });
  const text = (await request.body(BODY_LIMIT_BYTES)).toString('utf8');
  const body = parseJson(text);
  const credential = Secret.of(shownToken(request)?.token ?? '');
  const context = { token, credential, peer, trace: request.trace, signal: request.signal };
  if (streams !== undefined && request.headers.accept === 'text/event-stream')
    return streams.answer(body, context);
  const {
    status,
    headers,
    body: answer,
  } = await server.executeHTTPGraphQLRequest({
    httpGraphQLRequest: {
      method: 'POST',
      headers: new HeaderMap([['content-type', 'application/json']]),
      search: '',
      body,
    },
    context: () => Promise.resolve(context),
  });
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
