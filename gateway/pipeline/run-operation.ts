import type { AuditSink } from '@aduana/core/audit/audit-sink';
import { SecurityError } from '@aduana/core/errors/security-error';
import { type GraphQLFormattedError, OperationTypeNode } from 'graphql';
import type { LoadedSupergraph } from '../supergraph/loaded-supergraph.ts';
import { intentRecord, type Journal, noteFields } from './audit.ts';
import type { CallerViews } from './caller-views.ts';
import type { FindDocument } from './documents/find-document.ts';
import type { Execute } from './execute/executor.ts';
import type { GraphqlRequest } from './graphql-request.ts';
import type { Introspect } from './introspect.ts';
import type { DocumentLimits } from './limits/document-limits.ts';
import { placeRefusals, type RefusalPlacement } from './place-refusals.ts';
import type { Plan } from './plan.ts';
import { narrow } from './narrow.ts';
import type { Authorize } from './rewrite/create-authorizer.ts';
import type { CallerRights } from './rights.ts';
import type { Delegated, Refusal } from './stages.ts';
import type { SubgraphFetcher } from './subgraph-fetcher.ts';
import type { Validate } from './validate.ts';

export interface OperationRooms {
  readonly findDocument: FindDocument;
  readonly validate: Validate;
  readonly authorize: Authorize;
  readonly views: CallerViews;
  readonly introspect: Introspect;
  readonly plan: Plan;
  readonly execute: Execute;
  readonly documentLimits: DocumentLimits;
  readonly refusals: RefusalPlacement;
  readonly audit: AuditSink;
}

export interface OperationContext {
  readonly supergraph: LoadedSupergraph;
  readonly rights: CallerRights;
  readonly fetcher: SubgraphFetcher;
  readonly journal: Journal;
  readonly signal: AbortSignal;
}

/** The answer's status and its JSON text. */
export interface OperationAnswer {
  readonly status: number;
  readonly text: string;
}

/** Walks one operation through its rooms: find its document, validate, authorize, introspect, plan, narrow, execute. */
export async function runOperation(
  delegated: Delegated,
  sent: GraphqlRequest,
  rooms: OperationRooms,
  { supergraph, rights, fetcher, journal, signal }: OperationContext,
): Promise<OperationAnswer> {
  const request = rooms.findDocument(sent, rights);
  const validated = rooms.validate(delegated, request, supergraph, () => rooms.views(supergraph, rights));
  journal.operationName = validated.operationName;
  journal.operationKind = validated.operation.operation;
  journal.documentHash = validated.documentHash;
  const authorized = rooms.authorize(validated, supergraph, rights);
  noteFields(journal, authorized, rights);
  if (authorized.rejected) {
    const errors = authorized.refusals.map(refusalError);
    return { status: 403, text: JSON.stringify({ data: null, errors }) };
  }
  if (authorized.document !== undefined && authorized.operation !== undefined) {
    const { document, operation, variables } = authorized;
    // Of what will run: a refused field's cost is nobody's business.
    rooms.documentLimits.checkOperation(document, operation, variables, supergraph.supergraphSchema);
  }
  const introspection = rooms.introspect(authorized, supergraph, rights);
  if (authorized.operation?.operation === OperationTypeNode.MUTATION)
    await rooms.audit.record(intentRecord(journal, delegated.trace));
  const plan = rooms.plan(authorized, supergraph);
  const narrowings = narrow(plan, authorized, supergraph);
  const answer = await rooms.execute({
    plan: plan?.plan,
    authorized,
    supergraph,
    narrowings,
    fetcher,
    introspection,
    signal,
  });
  journal.subgraphs = answer.subgraphs;
  journal.errorCodes = [...new Set(answer.errors.map(({ extensions }) => extensions.code))];
  if (answer.data === 'null' && authorized.refusals.length === 0) journal.outcome = 'FAILED';
  return { status: 200, text: `{"data":${answer.data}${placeRefusals(answer.errors, rooms.refusals)}}` };
}

function refusalError({ path }: Refusal): GraphQLFormattedError {
  const { message, code } = new SecurityError('UNAUTHORIZED_FIELD_OR_TYPE');
  return { message, path, extensions: { code } };
}
