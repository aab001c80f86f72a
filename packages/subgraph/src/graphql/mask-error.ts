import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { SecurityError } from '@aduana/core/errors/security-error';
import { describeError, type Log } from '@aduana/core/platform/log';
import { type TraceContext, traceFields } from '@aduana/core/wire/trace-context';

const THE_CALLERS_OWN: readonly unknown[] = [
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
];

/**
 * What a client sees of an error of a resolver: the error as GraphQL formats it, the error itself, and the request's trace
 * for the log.
 */
export type ErrorMask = (
  formatted: GraphQLFormattedError,
  error: unknown,
  trace?: Pick<TraceContext, 'traceId' | 'spanId'>,
) => GraphQLFormattedError;

/**
 * A `formatError` for a subgraph's server. A `SecurityError` keeps its code, its text and its extensions, and an error of
 * the document itself keeps its message. Any other error is logged, with the request's trace where that is given, and
 * becomes `INTERNAL_SERVER_ERROR`: no client sees what a driver or a library writes into its errors.
 *
 * @example
 * const mask = createErrorMask(log);
 * const server = new ApolloServer({ schema, formatError: mask });
 */
export function createErrorMask(log: Log): ErrorMask {
  return (formatted, error, trace) => {
    const original = (error as { originalError?: unknown }).originalError ?? error;
    const at = formatted.path === undefined ? {} : { path: formatted.path };
    if (original instanceof SecurityError) {
      const { code, message, extensions } = original;
      return { message, ...at, extensions: { code, ...extensions } };
    }
    // What a scalar says of a literal, Apollo Server gives the code of a document that does not fit the schema.
    const code = codeOf(original) ?? formatted.extensions?.['code'];
    if (THE_CALLERS_OWN.includes(code)) return { message: formatted.message, ...at, extensions: { code } };
    log.error('a resolver failed', {
      error: describeError(original),
      path: formatted.path?.join('.'),
      ...(trace === undefined ? {} : traceFields(trace)),
    });
    const masked = new SecurityError('INTERNAL_SERVER_ERROR');
    return { message: masked.message, ...at, extensions: { code: masked.code } };
  };
}

function codeOf(error: unknown): unknown {
  return error instanceof GraphQLError ? error.extensions['code'] : undefined;
}
