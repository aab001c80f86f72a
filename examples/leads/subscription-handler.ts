import {
  type createErrorMask,
  refuseIntrospection,
  SecurityError,
  streamEvents,
  type StreamedResult,
} from '@aduana/subgraph';
import type { AdmittedHandler } from '@aduana/subgraph/node-http';
import {
  type ExecutionResult,
  type GraphQLSchema,
  parse,
  specifiedRules,
  subscribe,
  validate,
} from 'graphql';

/** What the gateway sends. */
interface Parameters {
  readonly query: string;
  readonly operationName?: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** Answers an admitted subscription with server-sent events; the guard decides of each event anew. */
export function createSubscriptionHandler(
  schema: GraphQLSchema,
  mask: ReturnType<typeof createErrorMask>,
): (
  parameters: unknown,
  ...[request, response, token]: globalThis.Parameters<AdmittedHandler>
) => Promise<void> {
  return async (parameters, _request, response, token) => {
    const { query, operationName, variables } = readParameters(parameters);
    const document = parse(query, { maxTokens: 10_000 });
    if (validate(schema, document, [...specifiedRules, refuseIntrospection]).length > 0)
      throw new SecurityError('GRAPHQL_VALIDATION_FAILED');
    const results = await subscribe({
      schema,
      document,
      ...(operationName === undefined ? {} : { operationName }),
      ...(variables === undefined ? {} : { variableValues: variables }),
      contextValue: { token },
    });
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

function readParameters(value: unknown): Parameters {
  const { query } = (value ?? {}) as { query?: unknown };
  if (typeof query !== 'string') throw new SecurityError('BAD_REQUEST', { detail: 'no query' });
  return value as Parameters;
}
