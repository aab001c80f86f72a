import { ERROR_CODES } from '@aduana/core/errors/error-codes';
import { SecurityError } from '@aduana/core/errors/security-error';
import { sha256Hex } from '@aduana/core/platform/digest';
import {
  type ASTNode,
  type DocumentNode,
  GraphQLError,
  getOperationAST,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  getVariableValues,
  parse,
  Source,
} from 'graphql';
import type { FoundError, LoadedSupergraph } from '../supergraph/loaded-supergraph.ts';
import type { GraphqlRequest } from '../http/graphql-request.ts';
import type { DocumentLimits } from '../limits/document-limits.ts';
import { type Account, type MissBudget, UNLIMITED } from '../limits/miss-budget.ts';
import type { Delegated, Validated } from '../stages.ts';
import { checkTokens } from './check-tokens.ts';
import { findErrors, withTextAside } from './find-errors.ts';
import { describeErrors, RequestErrors } from './request-errors.ts';
import {
  createTextBoundedCache,
  createTextEntry,
  type TextBoundedCache,
  type TextEntry,
} from '@aduana/server-kit/platform/text-bounded-cache';

interface ValidDocument extends TextEntry {
  readonly document: DocumentNode;
  readonly hash: string;
}

/** A parsed document takes about a hundred times the memory of its text. */
const KEPT = { entries: 1_000, characters: 2_097_152 } as const;
const DOCUMENT_CHARACTERS_KEPT = 32_768;
const VALIDATION_ERRORS_TOLD = 20;
/** From here on a document is validated in another thread, where there is one. */
const BIG_CHARACTERS = 2_048;

export type Validate = (
  delegated: Delegated,
  request: GraphqlRequest,
  supergraph: LoadedSupergraph,
  /** The schema as this caller may see it: what is wrong with a document is described in its terms. */
  visible: () => GraphQLSchema,
) => Validated | Promise<Validated>;

/**
 * Parses and validates, once per document and schema; then picks the operation and coerces its variables. A promise where
 * another thread validates.
 *
 * @param tokenLimit lexical tokens, comments apart
 * @throws RequestErrors what the client gets; SecurityError `OPERATION_RESOLUTION_FAILURE` or a limit's code
 */
export function createValidate(
  tokenLimit: number | 'off',
  limits: DocumentLimits,
  budget: MissBudget = UNLIMITED,
): Validate {
  const bySupergraph = new WeakMap<LoadedSupergraph, TextBoundedCache<ValidDocument>>();
  return (delegated, request, supergraph, visible) => {
    const { query } = request;
    if (query === undefined || query === '') throw new SecurityError('BAD_REQUEST', { detail: 'no `query`' });
    let documents = bySupergraph.get(supergraph);
    if (documents === undefined) bySupergraph.set(supergraph, (documents = createTextBoundedCache(KEPT)));
    const known = documents.get(query);
    if (known !== undefined) return finish(delegated, request, supergraph, known);
    const keep = (valid: ValidDocument): Validated => {
      if (query.length <= DOCUMENT_CHARACTERS_KEPT) documents.add(valid);
      return finish(delegated, request, supergraph, valid);
    };
    const read = budget.spend(delegated.caller, () =>
      readDocument(query, supergraph, visible, {
        tokenLimit,
        limits,
        account: budget.accountOf(delegated.caller),
      }),
    );
    return read instanceof Promise ? read.then(keep) : keep(read);
  };
}

function finish(
  { caller, trace }: Delegated,
  request: GraphqlRequest,
  supergraph: LoadedSupergraph,
  { document, hash }: ValidDocument,
): Validated {
  const operation = pickOperation(document, request);
  const variables = readVariables(operation, request.variables, supergraph);
  return {
    stage: 'validated',
    caller,
    trace,
    document,
    documentHash: hash,
    operation,
    operationName: operation.name?.value,
    variables,
  };
}

interface ReadOptions {
  readonly tokenLimit: number | 'off';
  readonly limits: DocumentLimits;
  readonly account: Account;
}

function readDocument(
  query: string,
  { apiSchema, findErrors: findElsewhere }: LoadedSupergraph,
  visible: () => GraphQLSchema,
  { tokenLimit, limits, account }: ReadOptions,
): ValidDocument | Promise<ValidDocument> {
  const source = new Source(query);
  checkTokens(source, tokenLimit);
  const document = parseDocument(source);
  limits.checkDocument(document);
  const valid = (): ValidDocument => ({
    document,
    hash: sha256Hex(query),
    ...createTextEntry(query, query.length),
  });
  if (findElsewhere !== undefined && query.length >= BIG_CHARACTERS)
    return findElsewhere(query, 1, account).then(async (found) => {
      if (found.length === 0) return valid();
      throw explain(await findElsewhere(query, VALIDATION_ERRORS_TOLD, account, visible()), query);
    });
  if (findErrors(apiSchema, document, source, 1).length === 0) return valid();
  throw explain(findErrors(visible(), document, source, VALIDATION_ERRORS_TOLD), query);
}

function explain(errors: readonly FoundError[], query: string): RequestErrors {
  // The error is in what the caller may not see: then all that is said is that there is one.
  const shown =
    errors.length > 0
      ? describeErrors(errors, query)
      : [{ message: ERROR_CODES.GRAPHQL_VALIDATION_FAILED.text }];
  return new RequestErrors('GRAPHQL_VALIDATION_FAILED', shown);
}

function parseDocument(source: Source): DocumentNode {
  try {
    return parse(source);
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    throw new RequestErrors('GRAPHQL_PARSE_FAILED', describeErrors([error], source.body));
  }
}

function pickOperation(document: DocumentNode, request: GraphqlRequest): OperationDefinitionNode {
  const operation = getOperationAST(document, request.operationName);
  if (operation === null || operation === undefined)
    throw new SecurityError('OPERATION_RESOLUTION_FAILURE', { detail: 'no operation, or none of that name' });
  if (request.queriesOnly && operation.operation === OperationTypeNode.MUTATION)
    throw new SecurityError('METHOD_NOT_ALLOWED', { detail: 'a mutation by GET' });
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
  const source = operation.loc?.source;
  const { errors } = withTextAside(source, () =>
    getVariableValues(supergraph.apiSchema, definitions, own, { maxErrors: 10, hideSuggestions: true }),
  );
  if (errors !== undefined) {
    const shown = errors.map(({ nodes = [], positions }) => ({
      message: messageWithoutValue(nodes, own),
      positions,
    }));
    throw new RequestErrors('BAD_USER_INPUT', describeErrors(shown, source?.body ?? ''));
  }
  return own;
}

/** The message of graphql-js repeats the value that was sent; which variable and why is enough. */
function messageWithoutValue(nodes: readonly ASTNode[], sent: Readonly<Record<string, unknown>>): string {
  const definition = nodes.find((node) => node.kind === Kind.VARIABLE_DEFINITION);
  const name = definition?.variable.name.value ?? '';
  const missing = sent[name] === undefined || sent[name] === null;
  return missing ? `Variable "$${name}" needs a value.` : `Variable "$${name}" got an invalid value.`;
}
