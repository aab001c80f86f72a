import { ERROR_CODES } from '@aduana/core/errors/error-codes';
import { SecurityError } from '@aduana/core/errors/security-error';
import { sha256Hex } from '@aduana/core/platform/digest';
import {
  type DocumentNode,
  GraphQLError,
  getOperationAST,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  parse,
  validate,
} from 'graphql';
import { getVariableValues } from 'graphql';
import type { LoadedSupergraph } from '../supergraph/loaded-supergraph.ts';
import type { GraphqlRequest } from './graphql-request.ts';
import type { DocumentLimits } from './limits/document-limits.ts';
import type { Delegated, Validated } from './stages.ts';
import {
  createTextBoundedCache,
  createTextEntry,
  type TextBoundedCache,
  type TextEntry,
} from './text-bounded-cache.ts';

/** The document cannot run: what the client is told, one error or several. */
export class RequestErrors extends Error {
  override readonly name = 'RequestErrors';
  readonly code: 'GRAPHQL_PARSE_FAILED' | 'GRAPHQL_VALIDATION_FAILED' | 'BAD_USER_INPUT';
  readonly errors: readonly GraphQLError[];

  constructor(code: RequestErrors['code'], errors: readonly GraphQLError[]) {
    super('the document cannot run');
    this.code = code;
    this.errors = errors;
  }
}

interface ValidDocument extends TextEntry {
  readonly document: DocumentNode;
  readonly hash: string;
}

/** A parsed document takes about a hundred times the memory of its text. */
const KEPT = { entries: 1_000, characters: 2_097_152 } as const;
const DOCUMENT_CHARACTERS_KEPT = 32_768;
const VALIDATION_ERRORS_TOLD = 20;

export type Validate = (
  delegated: Delegated,
  request: GraphqlRequest,
  supergraph: LoadedSupergraph,
  /** The schema as this caller may see it: what is wrong with a document is told in its words. */
  visible: () => GraphQLSchema,
) => Validated;

/**
 * Parses and validates, once per document and schema; then picks the operation and coerces its variables.
 *
 * @param tokenLimit lexical tokens, comments apart
 * @throws RequestErrors what the client is to be told; SecurityError `OPERATION_RESOLUTION_FAILURE` or a limit's code
 */
export function createValidate(tokenLimit: number | 'off', limits: DocumentLimits): Validate {
  const known = new WeakMap<LoadedSupergraph, TextBoundedCache<ValidDocument>>();
  return (delegated, request, supergraph, visible) => {
    const { query } = request;
    if (query === undefined || query === '') throw new SecurityError('BAD_REQUEST', { detail: 'no `query`' });
    let documents = known.get(supergraph);
    if (documents === undefined) known.set(supergraph, (documents = createTextBoundedCache(KEPT)));
    let valid = documents.get(query);
    if (valid === undefined) {
      valid = readDocument(query, supergraph, visible, tokenLimit, limits);
      if (query.length <= DOCUMENT_CHARACTERS_KEPT) documents.add(valid);
    }
    const operation = pickOperation(valid.document, request);
    const variables = readVariables(operation, request.variables, supergraph);
    return {
      stage: 'validated',
      caller: delegated.caller,
      trace: delegated.trace,
      document: valid.document,
      documentHash: valid.hash,
      operation,
      operationName: operation.name?.value,
      variables,
    };
  };
}

function readDocument(
  query: string,
  { apiSchema }: LoadedSupergraph,
  visible: () => GraphQLSchema,
  tokenLimit: number | 'off',
  limits: DocumentLimits,
): ValidDocument {
  let document: DocumentNode;
  try {
    document = parse(query, tokenLimit === 'off' ? {} : { maxTokens: tokenLimit });
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    if (error.message.includes('Parsing aborted')) throw new SecurityError('LIMIT_TOKENS_EXCEEDED');
    throw new RequestErrors('GRAPHQL_PARSE_FAILED', [error]);
  }
  limits.checkDocument(document);
  if (validate(apiSchema, document, undefined, { maxErrors: 1 }).length === 0)
    return { document, hash: sha256Hex(query), ...createTextEntry(query, query.length) };
  const errors = validate(visible(), document, undefined, { maxErrors: VALIDATION_ERRORS_TOLD });
  // What is wrong lies in what the caller may not see: then that it is wrong is all there is to tell.
  const told = errors.length > 0 ? errors : [new GraphQLError(ERROR_CODES.GRAPHQL_VALIDATION_FAILED.text)];
  throw new RequestErrors('GRAPHQL_VALIDATION_FAILED', told.map(withoutSuggestion));
}

/** Suggestions name fields that the caller may not know. */
function withoutSuggestion(error: GraphQLError): GraphQLError {
  const message = error.message.replace(/ ?Did you mean .+\?$/s, '');
  return new GraphQLError(message, {
    nodes: error.nodes ?? null,
    positions: error.positions ?? null,
    source: error.source ?? null,
  });
}

function pickOperation(document: DocumentNode, request: GraphqlRequest): OperationDefinitionNode {
  const operation = getOperationAST(document, request.operationName);
  if (operation === null || operation === undefined)
    throw new SecurityError('OPERATION_RESOLUTION_FAILURE', { detail: 'no operation, or none of that name' });
  if (request.queriesOnly && operation.operation !== OperationTypeNode.QUERY)
    throw new SecurityError('METHOD_NOT_ALLOWED', { detail: 'a mutation by GET' });
  if (operation.operation === OperationTypeNode.SUBSCRIPTION)
    throw new SecurityError('OPERATION_RESOLUTION_FAILURE', { detail: 'a subscription' });
  return operation;
}

const NO_VARIABLES: Readonly<Record<string, unknown>> = Object.freeze({});

/** The variables that the operation defines, as sent, after checking that they can be coerced. */
function readVariables(
  operation: OperationDefinitionNode,
  sent: Readonly<Record<string, unknown>>,
  supergraph: LoadedSupergraph,
): Readonly<Record<string, unknown>> {
  const definitions = operation.variableDefinitions ?? [];
  if (definitions.length === 0) return NO_VARIABLES;
  const own = Object.create(null) as Record<string, unknown>;
  for (const { variable } of definitions) {
    const name = variable.name.value;
    if (Object.hasOwn(sent, name)) own[name] = sent[name];
  }
  const { errors } = getVariableValues(supergraph.apiSchema, definitions, own, { maxErrors: 10 });
  if (errors !== undefined) throw new RequestErrors('BAD_USER_INPUT', errors.map(withoutValue));
  return own;
}

/** The message of graphql-js repeats the value that was sent; which variable and why is enough. */
function withoutValue(error: GraphQLError): GraphQLError {
  const names = (error.nodes ?? []).flatMap((node) =>
    node.kind === Kind.VARIABLE_DEFINITION ? [node.variable.name.value] : [],
  );
  const name = names[0] ?? '';
  const missing = error.message.includes('was not provided') || error.message.includes('must not be null');
  return new GraphQLError(
    missing ? `Variable "$${name}" needs a value.` : `Variable "$${name}" got an invalid value.`,
    { nodes: error.nodes ?? null },
  );
}
