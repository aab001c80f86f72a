import type { TraceContext } from '@aduana/core/wire/trace-context';
import { type ExecutionResult, type GraphQLFormattedError, type GraphQLSchema, subscribe } from 'graphql';
import type { GuardContext } from './guard-schema.ts';
import type { ErrorMask } from './mask-error.ts';
import { parseOperation } from './parse-operation.ts';

/** The result of one event, with masked errors. */
export interface MaskedResult {
  readonly data?: unknown;
  readonly errors?: readonly GraphQLFormattedError[];
}

/** A subscription, and for whom it runs. */
export interface MaskedSubscriptionOptions {
  /** What `guard` returned: the guard decides of each event anew. */
  readonly schema: GraphQLSchema;
  /** The JSON of the request's body: `query`, and where there are any `operationName` and `variables`. */
  readonly parameters: unknown;
  /** What resolvers get; the guard reads its `token`. */
  readonly contextValue: GuardContext;
  /** Masks the errors of each event. */
  readonly mask: ErrorMask;
  /** Logged with each error that is masked. */
  readonly trace?: Pick<TraceContext, 'traceId' | 'spanId'>;
}

/**
 * Parses, validates and opens a subscription. Each event of it becomes a result with masked errors. Where it cannot be
 * opened, the one result says why.
 *
 * @throws SecurityError `BAD_REQUEST` for what is no GraphQL request, `GRAPHQL_VALIDATION_FAILED` for a document that is
 *   not valid for the schema
 * @throws GraphQLError for a document that cannot be parsed
 * @example
 * const results = await subscribeMasked({ schema, parameters: JSON.parse(body), contextValue: { token }, mask });
 * await streamEvents(response, results);
 */
export async function subscribeMasked({
  schema,
  parameters,
  contextValue,
  mask,
  trace,
}: MaskedSubscriptionOptions): Promise<AsyncGenerator<MaskedResult>> {
  const operation = parseOperation(schema, parameters);
  const results = await subscribe({ schema, ...operation, contextValue });
  return maskEach('next' in results ? results : [results]);

  async function* maskEach(
    all: AsyncIterable<ExecutionResult> | Iterable<ExecutionResult>,
  ): AsyncGenerator<MaskedResult> {
    for await (const { data, errors } of all)
      yield {
        ...(data === undefined ? {} : { data }),
        ...(errors && { errors: errors.map((error) => mask(error.toJSON(), error, trace)) }),
      };
  }
}
