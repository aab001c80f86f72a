import { readFile } from 'node:fs/promises';
import { ApolloServer, HeaderMap } from '@apollo/server';
import { ApolloServerPluginInlineTraceDisabled } from '@apollo/server/plugin/disabled';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { createBodyBudget } from '@aduana/core/http/body-budget';
import { IncomingRequest } from '@aduana/core/http/incoming-request';
import type { Clock } from '@aduana/core/platform/clock';
import {
  createErrorMask,
  type Log,
  type ProtectedSubgraph,
  refuseIntrospection,
  SecurityError,
  streamEvents,
  subscribeMasked,
  type VerifiedToken,
} from '@aduana/subgraph';
import type { AdmittedHandler } from '@aduana/subgraph/node-http';
import { parse } from 'graphql';
import type { LeadBook } from './lead-book.ts';
import { createResolvers } from './resolvers.ts';

export interface LeadsHandlerOptions {
  readonly book: LeadBook;
  readonly guard: ProtectedSubgraph['guard'];
  readonly clock: Clock;
  readonly log: Log;
}

const BODY_LIMIT_BYTES = 1_048_576;

/** Answers admitted GraphQL requests: the guard first, and then a resolver. */
export async function createLeadsHandler({
  book,
  guard,
  clock,
  log,
}: LeadsHandlerOptions): Promise<AdmittedHandler> {
  const sdl = await readFile(new URL('schema.graphql', import.meta.url), 'utf8');
  const schema = buildSubgraphSchema({ typeDefs: parse(sdl), resolvers: createResolvers(book) });
  const mask = createErrorMask(log);
  const guarded = guard(schema, sdl);
  const server = new ApolloServer<{ token: VerifiedToken }>({
    schema: guarded,
    validationRules: [refuseIntrospection],
    formatError: mask,
    plugins: [ApolloServerPluginInlineTraceDisabled()],
    introspection: true, // refused by the rule above, with a code
    csrfPrevention: false, // no browser holds the gateway's certificate
    persistedQueries: false,
    stopOnTerminationSignals: false,
    nodeEnv: 'production',
  });
  await server.start();
  const bodies = createBodyBudget({ clock });

  return async (request, response, token) => {
    const incoming = new IncomingRequest(request, response, undefined, bodies);
    try {
      const parameters = parseJson(await incoming.body(BODY_LIMIT_BYTES));
      if (request.headers.accept === 'text/event-stream') {
        incoming.release();
        const results = await subscribeMasked({ schema: guarded, parameters, contextValue: { token }, mask });
        await streamEvents(response, results);
        return;
      }
      const { status, body } = await server.executeHTTPGraphQLRequest({
        httpGraphQLRequest: {
          method: 'POST',
          headers: new HeaderMap([['content-type', 'application/json']]),
          search: '',
          body: parameters,
        },
        context: () => Promise.resolve({ token }),
      });
      if (body.kind !== 'complete')
        throw new SecurityError('BAD_REQUEST', { detail: 'incremental delivery' });
      response.writeHead(status ?? 200, { 'content-type': 'application/json' }).end(body.string);
    } finally {
      incoming.release();
    }
  };
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new SecurityError('BAD_REQUEST', { detail: 'the body is not JSON', cause: error });
  }
}
