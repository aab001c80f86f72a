import { type createErrorMask, parseOperation, streamEvents, type StreamedResult } from '@aduana/subgraph';
import type { AdmittedHandler } from '@aduana/subgraph/node-http';
import { type ExecutionResult, type GraphQLSchema, subscribe } from 'graphql';

/** Answers an admitted subscription with server-sent events; the guard decides of each event anew. */
export function createSubscriptionHandler(
  schema: GraphQLSchema,
  mask: ReturnType<typeof createErrorMask>,
): (parameters: unknown, ...[request, response, token]: Parameters<AdmittedHandler>) => Promise<void> {
  return async (parameters, _request, response, token) => {
    const operation = parseOperation(schema, parameters);
    const results = await subscribe({ schema, ...operation, contextValue: { token } });
    await streamEvents(response, 'next' in results ? masked(results, mask) : once(toResult(results, mask)));
  };
}

async function* masked(
  results: AsyncGenerator<ExecutionResult, void>,
  mask: ReturnType<typeof createErrorMask>,
): AsyncGenerator<StreamedResult> {
  for await (const result of results) yield toResult(result, mask);
}

async function* once(result: StreamedResult): AsyncGenerator<StreamedResult> {
  yield await Promise.resolve(result);
}

function toResult(
  { data, errors }: ExecutionResult,
  mask: ReturnType<typeof createErrorMask>,
): StreamedResult {
  return {
    ...(data === undefined ? {} : { data }),
    ...(errors === undefined ? {} : { errors: errors.map((error) => mask(error.toJSON(), error)) }),
  };
}
