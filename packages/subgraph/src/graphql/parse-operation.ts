import { SecurityError } from '@aduana/core/errors/security-error';
import { type DocumentNode, type GraphQLSchema, parse, specifiedRules, validate } from 'graphql';
import { refuseIntrospection } from './refuse-introspection.ts';

/** A valid GraphQL request, named as the arguments of `execute` and `subscribe` of `graphql` are. */
export interface ParsedOperation {
  readonly document: DocumentNode;
  readonly operationName: string | null | undefined;
  readonly variableValues: Readonly<Record<string, unknown>> | null | undefined;
}

const MAX_TOKENS = 10_000;

/**
 * Parses and validates a GraphQL request that no GraphQL server has checked, such as a subscription that the subgraph
 * answers itself. A document has at most 10,000 tokens, and introspection is refused.
 *
 * @param parameters the JSON of the request's body: `query`, and where there are any `operationName` and `variables`
 * @throws SecurityError `BAD_REQUEST` for what is no GraphQL request, `GRAPHQL_VALIDATION_FAILED` for a document that is
 *   not valid for the schema
 * @throws GraphQLError for a document that cannot be parsed
 * @example
 * const operation = parseOperation(schema, JSON.parse(body));
 * const results = await subscribe({ schema, ...operation, contextValue: subgraph.context(request) });
 */
export function parseOperation(schema: GraphQLSchema, parameters: unknown): ParsedOperation {
  const { query, operationName, variables } = (parameters ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof query !== 'string' || !isOptional(operationName, 'string') || !isOptional(variables, 'object'))
    throw new SecurityError('BAD_REQUEST', { detail: 'no GraphQL request' });
  const document = parse(query, { maxTokens: MAX_TOKENS });
  if (validate(schema, document, [...specifiedRules, refuseIntrospection]).length > 0)
    throw new SecurityError('GRAPHQL_VALIDATION_FAILED');
  return { document, operationName, variableValues: variables } as ParsedOperation;
}

function isOptional(value: unknown, type: 'string' | 'object'): boolean {
  return value == null || typeof value === type;
}
