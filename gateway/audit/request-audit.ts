import { auditEvent } from '@aduana/client/audit/event-catalogue';
import type { AuditActor, AuditOutcome, AuditRecord } from '@aduana/client/audit/audit-event';
import { ANONYMOUS } from '@aduana/client/audit/audit-event';
import type { SecurityError } from '@aduana/core/errors/security-error';
import type { TraceContext } from '@aduana/core/wire/trace-context';
import { actorOfToken } from '@aduana/server-kit/http/token-actor';
import type { CallerRights } from '../authorize/rights.ts';
import type { Authorized, Caller, Refusal } from '../stages.ts';
import { bounded, cut, TEXT_CHARACTERS } from './bounded-detail.ts';
import { describeOperations, outcomeOfAll } from './batched-operations.ts';
import { decidingRule, type ExplainedRefusal, explainRefusal, refusedFields } from './explained-refusals.ts';

const AUTHENTICATION = 3002;
const FIELDS_KEPT = 200;
/** Of the coordinates together. */
const FIELD_CHARACTERS = 12_000;

/** What is learned of one request while it is handled; becomes its one audit event. */
export interface RequestAudit {
  readonly id: string;
  actor: AuditActor;
  outcome: AuditOutcome;
  code: string | undefined;
  /** For the log alone: why, in more words than the caller reads. */
  reason: string | undefined;
  operationName: string | undefined;
  operationKind: string | undefined;
  documentHash: string | undefined;
  fields: readonly string[];
  rootType: string | undefined;
  refusals: readonly ExplainedRefusal[];
  /** What would have been refused in another mode than `dry_run`. */
  unenforced: readonly ExplainedRefusal[];
  subgraphs: readonly string[];
  errorCodes: readonly string[];
  policySha256: string | undefined;
  /** A stream was opened: the event is a `stream.open`. */
  opensStream: boolean;
  /** Of a batch, in the order in which they ran. */
  operations: readonly RequestAudit[];
}

export function openRequestAudit(id: string): RequestAudit {
  return {
    id,
    actor: ANONYMOUS,
    outcome: 'FAILED',
    code: undefined,
    reason: undefined,
    operationName: undefined,
    operationKind: undefined,
    documentHash: undefined,
    fields: [],
    rootType: undefined,
    refusals: [],
    unenforced: [],
    subgraphs: [],
    errorCodes: [],
    policySha256: undefined,
    opensStream: false,
    operations: [],
  };
}

/** Notes a refusal or a failure that ended the request. */
export function noteFailure(requestAudit: RequestAudit, error: SecurityError): void {
  const refused = error.status === 401 || error.status === 403 || error.status === 429;
  requestAudit.outcome = refused ? 'DENIED' : 'FAILED';
  requestAudit.code = error.code;
  requestAudit.reason = error.detail;
}

export function noteCaller(requestAudit: RequestAudit, caller: Caller): void {
  const { claims } = caller;
  requestAudit.actor = {
    ...actorOfToken(claims),
    auth_method: caller.method,
    cert_thumbprint: caller.certificateThumbprint ?? null,
  };
}

/** Notes what runs and what is refused of it. */
export function noteFields(requestAudit: RequestAudit, authorized: Authorized, rights: CallerRights): void {
  const refusals = authorized.refusals.map((refusal) => explainRefusal(refusal, rights));
  const unenforced = authorized.unenforced.map((refusal) => explainRefusal(refusal, rights));
  const { fields, shape } = authorized;
  requestAudit.fields = fits(fields) ? fields : rootFirst(fields, shape.rootType);
  requestAudit.rootType = shape.rootType;
  requestAudit.refusals = refusals;
  requestAudit.unenforced = unenforced;
  if (refusals.length === 0)
    requestAudit.outcome = requestAudit.outcome === 'FAILED' ? 'ALLOWED' : requestAudit.outcome;
  else requestAudit.outcome = authorized.everythingRefused || authorized.rejected ? 'DENIED' : 'PARTIAL';
}

/** A record of its own for one operation of a batch. */
export function openOperationAudit({ id, actor, policySha256 }: RequestAudit): RequestAudit {
  return { ...openRequestAudit(id), actor, policySha256 };
}

/** Notes all operations of a batch; a mutation stands for it, or the first. */
export function noteBatch(requestAudit: RequestAudit, operations: readonly RequestAudit[]): void {
  const shown = operations.find(({ operationKind }) => operationKind === 'mutation') ?? operations[0];
  if (shown === undefined) return;
  const { operationName, operationKind, documentHash } = shown;
  const all = <Part>(partsOf: (one: RequestAudit) => readonly Part[]): readonly Part[] => [
    ...new Set(operations.flatMap(partsOf)),
  ];
  const fields = all((one) => one.fields);
  const rootTypes = all(({ rootType }) => (rootType === undefined ? [] : [rootType]));
  Object.assign(requestAudit, {
    operations,
    operationName,
    operationKind,
    documentHash,
    fields: fits(fields) ? fields : rootFirst(fields, ...rootTypes),
    refusals: all((one) => one.refusals),
    unenforced: all((one) => one.unenforced),
    subgraphs: all((one) => one.subgraphs),
    errorCodes: all((one) => one.errorCodes),
    code: operations.find(({ code }) => code !== undefined)?.code,
    outcome: outcomeOfAll(operations),
  } satisfies Partial<RequestAudit>);
}

/** What an operation does is named at its root: root fields are never cut. */
function rootFirst(fields: readonly string[], ...rootTypes: readonly string[]): readonly string[] {
  const isRoot = (coordinate: string): boolean => rootTypes.some((type) => coordinate.startsWith(`${type}.`));
  return [...fields.filter(isRoot), ...fields.filter((coordinate) => !isRoot(coordinate))];
}

/** Nothing that a client chooses is in a coordinate, and nothing that it sends takes the room of one. */
function fits(fields: readonly string[]): boolean {
  return keptFields(fields) === fields.length;
}

/** How many of the first coordinates find room. */
function keptFields(fields: readonly string[]): number {
  let characters = 0;
  let kept = 0;
  for (const coordinate of fields) {
    characters += coordinate.length;
    if (kept === FIELDS_KEPT || characters > FIELD_CHARACTERS) break;
    kept += 1;
  }
  return kept;
}

/** The `request` event: one for each HTTP request to `/graphql`; that of a stream is `stream.open`. */
export function requestRecord(requestAudit: RequestAudit, trace: TraceContext, address: string): AuditRecord {
  const authenticated = requestAudit.actor !== ANONYMOUS;
  const kept = keptFields(requestAudit.fields);
  return {
    id: requestAudit.id,
    ...auditEvent(requestAudit.opensStream ? 'stream.open' : 'request', {
      source_address: address,
      ...(requestAudit.operationKind === undefined ? {} : { operation_kind: requestAudit.operationKind }),
      ...(requestAudit.code === undefined ? {} : { code: requestAudit.code }),
      ...cut('more_fields', requestAudit.fields.length - kept),
      ...cut('more_operation_name', (requestAudit.operationName?.length ?? 0) - TEXT_CHARACTERS),
      ...(requestAudit.reason === undefined ? {} : { reason: bounded(requestAudit.reason) }),
      ...(requestAudit.errorCodes.length === 0 ? {} : { error_codes: requestAudit.errorCodes }),
      ...refusedFields('refused', requestAudit.refusals),
      ...refusedFields('unenforced', requestAudit.unenforced),
      ...describeOperations(requestAudit.operations),
    }),
    ...(authenticated ? {} : { class_uid: AUTHENTICATION }),
    outcome: requestAudit.outcome,
    actor: requestAudit.actor,
    request: describeRequest(requestAudit, kept, requestAudit.subgraphs),
    policy:
      requestAudit.policySha256 === undefined
        ? null
        : { rule: decidingRule(requestAudit.refusals), sha256: requestAudit.policySha256 },
    trace: { trace_id: trace.traceId, span_id: trace.spanId },
  };
}

/** The `request.intent` event: durable before a mutation is forwarded. */
export function intentRecord(requestAudit: RequestAudit, trace: TraceContext): AuditRecord {
  const kept = keptFields(requestAudit.fields);
  return {
    ...auditEvent('request.intent', {
      audit_id: requestAudit.id,
      ...cut('more_fields', requestAudit.fields.length - kept),
    }),
    outcome: requestAudit.refusals.length > 0 ? 'PARTIAL' : 'ALLOWED',
    actor: requestAudit.actor,
    request: describeRequest(requestAudit, kept, []),
    trace: { trace_id: trace.traceId, span_id: trace.spanId },
  };
}

function describeRequest(
  { operationName, documentHash, fields }: RequestAudit,
  kept: number,
  subgraphs: readonly string[],
) {
  return {
    operation_name: operationName === undefined ? null : bounded(operationName),
    document_sha256: documentHash ?? null,
    fields: kept === fields.length ? fields : fields.slice(0, kept),
    subgraphs,
  };
}

/** Refusals that came or went while a stream was open, as the members of an event's `detail`. */
export function describeRefusals(
  refusals: readonly Refusal[],
  rights: CallerRights,
): Readonly<Record<string, unknown>> {
  return refusedFields(
    'refused',
    refusals.map((refusal) => explainRefusal(refusal, rights)),
  );
}
