import type { AuditSink } from '@aduana/client/audit/audit-sink';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { CancelSignal } from '@aduana/core/platform/cancellation';
import { type GraphQLFormattedError, OperationTypeNode } from 'graphql';
import type { LoadedSupergraph } from './supergraph/loaded-supergraph.ts';
import { intentRecord, type RequestAudit, noteFields } from './audit/request-audit.ts';
import type { CallerViews } from './authorize/caller-views.ts';
import type { FindDocument } from './documents/find-document.ts';
import type { ExecuteIncremental } from './execute/incremental/incremental-delivery.ts';
import type { Execute, ExecutionAnswer } from './execute/shared/execution.ts';
import type { GraphqlRequest } from './http/graphql-request.ts';
import type { Introspect } from './authorize/introspect.ts';
import type { CallerLimits } from './limits/caller-limits.ts';
import type { DocumentLimits } from './limits/document-limits.ts';
import { FEW_VALUES, type MissBudget } from './limits/miss-budget.ts';
import { type Cure, describeChallenge, findCure, showStepUp, tellCure } from './authorize/step-up.ts';
import { placeRefusals, type RefusalPlacement } from './authorize/place-refusals.ts';
import type { Plan } from './planner/plan.ts';
import type { Narrow } from './subgraphs/narrow.ts';
import type { Authorize } from './authorize/create-authorizer.ts';
import type { CallerRights } from './authorize/rights.ts';
import type { Authorized, Delegated, Refusal } from './stages.ts';
import type { WritableAnswer } from './streams/write-answer.ts';
import type { OpenedStream, WantedStream } from './streams/open-streams.ts';
import type { SubgraphFetcher } from './subgraphs/subgraph-fetcher.ts';
import type { Validate } from './documents/validate.ts';

export interface OperationDependencies {
  readonly findDocument: FindDocument;
  readonly validate: Validate;
  readonly authorize: Authorize;
  readonly views: CallerViews;
  readonly introspect: Introspect;
  readonly plan: Plan;
  readonly narrow: Narrow;
  readonly execute: Execute;
  /** Undefined where the executor has one answer alone. */
  readonly executeIncremental: ExecuteIncremental | undefined;
  readonly documentLimits: DocumentLimits;
  readonly budget: MissBudget;
  readonly callers: Pick<CallerLimits, 'requireReading'>;
  readonly refusals: RefusalPlacement;
  readonly audit: AuditSink;
}

export interface OperationContext {
  readonly supergraph: LoadedSupergraph;
  readonly rights: CallerRights;
  readonly fetcher: SubgraphFetcher;
  readonly requestAudit: RequestAudit;
  readonly signal: CancelSignal;
  /** Opens a subscription; undefined where the client takes no stream. */
  readonly openStream?: ((wanted: WantedStream) => Promise<OpenedStream>) | undefined;
  /** The client takes its answer in parts. */
  readonly incremental?: boolean;
  /** The id of the operation's audit event, where the answer itself tells it. */
  readonly auditId?: string;
}

/** The answer's status and its JSON text, which is the first part where something comes later; or a stream instead. */
export interface OperationAnswer extends WritableAnswer {
  /** A refusal that a login would cure: the challenge without its scheme. */
  readonly challenge?: string;
}

/** Runs one operation through its stages: find its document, validate, authorize, introspect, plan, narrow, execute. */
export async function runOperation(
  delegated: Delegated,
  sent: GraphqlRequest,
  dependencies: OperationDependencies,
  { supergraph, rights, fetcher, requestAudit, signal, openStream, incremental, auditId }: OperationContext,
): Promise<OperationAnswer> {
  const turn = dependencies.budget.turn(delegated.caller);
  if (turn !== undefined) await turn;
  const request = dependencies.findDocument(sent, rights);
  const validating = dependencies.validate(delegated, request, supergraph, () =>
    dependencies.views(supergraph, rights, delegated.caller),
  );
  const valid = validating instanceof Promise ? await validating : validating;
  const { executeIncremental } = dependencies;
  const inParts = incremental === true && executeIncremental !== undefined;
  const validated = inParts ? { ...valid, incremental } : valid;
  requestAudit.operationName = validated.operationName;
  requestAudit.operationKind = validated.operation.operation;
  requestAudit.documentHash = validated.documentHash;
  const authorized = dependencies.authorize(validated, supergraph, rights);
  noteFields(requestAudit, authorized, rights);
  const cure =
    dependencies.refusals === 'none'
      ? undefined
      : findCure(authorized.refusals, supergraph.requirements, rights);
  const challenged = cure === undefined ? {} : { challenge: describeChallenge(cure.login) };
  if (authorized.rejected) return refuseWhole(authorized, cure, requestAudit);
  checkCost(authorized, request, delegated.caller, supergraph, dependencies);
  if (validated.operation.operation === OperationTypeNode.SUBSCRIPTION)
    return authorized.everythingRefused && openStream !== undefined
      ? refuseWhole(authorized, cure, requestAudit)
      : { ...(await subscribe({ request, validated, authorized, supergraph }, openStream)), ...challenged };
  const introspection = dependencies.introspect(authorized, supergraph, rights);
  if (authorized.operation?.operation === OperationTypeNode.MUTATION) {
    await dependencies.audit.record(intentRecord(requestAudit, delegated.trace));
    await dependencies.budget.turn(delegated.caller); // intents that become durable together would be planned in a row
  }
  const planning = dependencies.plan(authorized, supergraph);
  const plan = planning instanceof Promise ? await planning : planning;
  const narrowings = dependencies.narrow(plan, authorized, supergraph);
  const { budget, callers: { requireReading } } = dependencies; // prettier-ignore
  const execution = { plan: plan?.plan, authorized, supergraph, narrowings, fetcher, introspection, signal,
    requireReading, budget }; // prettier-ignore
  if (!inParts || authorized.shape.defers !== true || authorized.everythingRefused)
    return { status: 200, text: textOf(await dependencies.execute(execution)), ...challenged };
  const { rest, ...first } = await executeIncremental(execution);
  const text = textOf(first);
  if (rest === undefined) return { status: 200, text, ...challenged };
  const unfinished = { text, rest, validated, authorized, supergraph };
  return { status: 200, text, unfinished, ...challenged };

  function textOf({ data, errors, subgraphs }: ExecutionAnswer): string {
    requestAudit.subgraphs = subgraphs;
    requestAudit.errorCodes = [...new Set(errors.map(({ extensions }) => extensions.code))];
    if (data === 'null' && authorized.refusals.length === 0) requestAudit.outcome = 'FAILED';
    const extensions = { ...extensionsOf(cure), ...(auditId === undefined ? {} : { auditId }) };
    return `{"data":${data}${placeRefusals(tellCure(errors, cure), dependencies.refusals, extensions)}}`;
  }
}

/** Of what will run: a refused field's cost is nobody's business. */
function checkCost(
  { document, operation, variables }: Authorized,
  { values }: Pick<GraphqlRequest, 'values'>,
  caller: Delegated['caller'],
  { supergraphSchema }: LoadedSupergraph,
  { budget, documentLimits }: Pick<OperationDependencies, 'budget' | 'documentLimits'>,
): void {
  if (document === undefined || operation === undefined) return;
  budget.spendIf(values > FEW_VALUES, caller, () => {
    documentLimits.checkOperation(document, operation, variables, supergraphSchema);
  });
}

/** Nothing runs; where a login would cure all of it, the caller is asked for that (RFC 9470 section 3). */
function refuseWhole(
  { refusals }: Authorized,
  cure: Cure | undefined,
  requestAudit: RequestAudit,
): OperationAnswer {
  const errors = tellCure(refusals.map(refusalError), cure);
  const isCurable = cure?.isWhole === true;
  const extensions = isCurable ? { extensions: extensionsOf(cure) } : {};
  if (isCurable) requestAudit.code = 'INSUFFICIENT_USER_AUTHENTICATION';
  return {
    status: isCurable ? 401 : 403,
    text: JSON.stringify({ data: null, errors, ...extensions }),
    ...(isCurable ? { challenge: describeChallenge(cure.login) } : {}),
  };
}

function extensionsOf(cure: Cure | undefined): Readonly<Record<string, unknown>> {
  return cure === undefined ? {} : { stepUp: showStepUp(cure.login) };
}

/** A stream is opened for what may run of its one root field; of the request it keeps what its document asks for. */
async function subscribe(
  { request, validated, ...wanted }: WantedStream,
  openStream: OperationContext['openStream'],
): Promise<OperationAnswer> {
  if (openStream === undefined)
    throw new SecurityError('NOT_ACCEPTABLE', { detail: 'a subscription needs a stream' });
  const kept = { ...request, variables: validated.variables, extensions: {} };
  return { status: 200, text: '', stream: await openStream({ request: kept, validated, ...wanted }) };
}

function refusalError({ path }: Refusal): GraphQLFormattedError {
  const { message, code } = new SecurityError('UNAUTHORIZED_FIELD_OR_TYPE');
  return { message, path, extensions: { code } };
}
