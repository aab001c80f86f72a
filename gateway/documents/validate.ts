import { keptCharacters } from '../limits/kept-characters.ts';
import { ERROR_CODES } from '@aduana/core/errors/error-codes';
import { SecurityError } from '@aduana/core/errors/security-error';
import { sha256Hex } from '@aduana/core/platform/digest';
import {
  type DocumentNode,
  GraphQLError,
  getOperationAST,
  type GraphQLSchema,
  type OperationDefinitionNode,
  OperationTypeNode,
  parse,
  Source,
  visit,
} from 'graphql';
import type { FoundError, LoadedSupergraph } from '../supergraph/loaded-supergraph.ts';
import type { GraphqlRequest } from '../http/graphql-request.ts';
import type { DocumentLimits } from '../limits/document-limits.ts';
import { type Account, FEW_VALUES, type MissBudget, UNLIMITED } from '../limits/miss-budget.ts';
import type { Delegated, Validated } from '../stages.ts';
import { checkTokens } from './check-tokens.ts';
import { findErrors } from './find-errors.ts';
import { createReadVariables, type ReadVariables } from './read-variables.ts';
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

/** Of one supergraph. */
interface KnownDocuments {
  readonly documents: TextBoundedCache<ValidDocument>;
  readonly readVariables: ReadVariables;
}

const KEPT = { entries: 1_000, characters: keptCharacters() } as const;
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
  const bySupergraph = new WeakMap<LoadedSupergraph, KnownDocuments>();
  return (delegated, request, supergraph, visible) => {
    const { query } = request;
    if (query === undefined || query === '') throw new SecurityError('BAD_REQUEST', { detail: 'no `query`' });
    let known = bySupergraph.get(supergraph);
    if (known === undefined) bySupergraph.set(supergraph, (known = knowNothing(supergraph)));
    const { documents, readVariables } = known;
    const cached = documents.get(query);
    const isMuch = request.values > FEW_VALUES;
    if (cached !== undefined && !isMuch) return complete(delegated, request, cached, readVariables);
    const finish = (valid: ValidDocument): Validated =>
      budget.spendIf(isMuch, delegated.caller, () => complete(delegated, request, valid, readVariables));
    if (cached !== undefined) return finish(cached);
    const keep = (valid: ValidDocument): Validated => {
      if (query.length <= DOCUMENT_CHARACTERS_KEPT) documents.add(valid);
      return finish(valid);
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

function knowNothing({ apiSchema }: LoadedSupergraph): KnownDocuments {
  return { documents: createTextBoundedCache(KEPT), readVariables: createReadVariables(apiSchema) };
}

function complete(
  { caller, trace }: Delegated,
  request: GraphqlRequest,
  { document, hash }: ValidDocument,
  readVariables: ReadVariables,
): Validated {
  const operation = pickOperation(document, request);
  const variables = readVariables(operation, request.variables);
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
    const document = parse(source);
    return source.body.includes('"""') ? withoutBlocks(document) : document;
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    throw new RequestErrors('GRAPHQL_PARSE_FAILED', describeErrors([error], source.body));
  }
}

/** With each string on one line: `print` indents the lines of a block at every depth, as often as its fragment is spread. */
function withoutBlocks(document: DocumentNode): DocumentNode {
  return visit(document, {
    StringValue: (node) => (node.block === true ? { ...node, block: false } : undefined),
  });
}

function pickOperation(document: DocumentNode, request: GraphqlRequest): OperationDefinitionNode {
  const operation = getOperationAST(document, request.operationName);
  if (operation === null || operation === undefined)
    throw new SecurityError('OPERATION_RESOLUTION_FAILURE', { detail: 'no operation, or none of that name' });
  if (request.queriesOnly && operation.operation === OperationTypeNode.MUTATION)
    throw new SecurityError('METHOD_NOT_ALLOWED', { detail: 'a mutation by GET' });
  return operation;
}
