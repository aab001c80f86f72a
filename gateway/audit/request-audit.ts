import { auditEvent } from '@aduana/client/audit/event-catalogue';
import type { AuditActor, AuditOutcome, AuditRecord } from '@aduana/client/audit/audit-event';
import { ANONYMOUS } from '@aduana/client/audit/audit-event';
import type { SecurityError } from '@aduana/core/errors/security-error';
import type { TraceContext } from '@aduana/core/wire/trace-context';
import { actorOfToken } from '@aduana/server-kit/http/token-actor';
import type { CallerRights, RolesAbout } from '../authorize/rights.ts';
import type { Authorized, Caller, Refusal } from '../stages.ts';

const AUTHENTICATION = 3002;
const REFUSALS_KEPT = 50;
const FIELDS_KEPT = 200;
/** Of the coordinates together, of the refused ones with their reasons, and of one text that a client chose or caused. */
const FIELD_CHARACTERS = 12_000;
const REFUSED_CHARACTERS = 10_000;
const TEXT_CHARACTERS = 256;
const REASONS_KEPT = 8;

/** A refused field with what decided of each right that the caller lacks. */
interface ExplainedRefusal extends Omit<Refusal, 'lacks'> {
  readonly because: readonly Reason[];
}

/** `rule` and `location` where a rule of the policies decided; else the caller's roles, and those that would grant it. */
interface Reason extends Partial<RolesAbout> {
  readonly missing: string;
  readonly reason: string;
  readonly rule?: string;
  readonly location?: string;
}

/** What is learned of one request while it walks; becomes its one audit event. */
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
  refusals: readonly ExplainedRefusal[];
  /** What would have been refused in another mode than `dry_run`. */
  unenforced: readonly ExplainedRefusal[];
  subgraphs: readonly string[];
  errorCodes: readonly string[];
  policySha256: string | undefined;
  /** A stream was opened: the event is a `stream.open`. */
  opensStream: boolean;
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
    refusals: [],
    unenforced: [],
    subgraphs: [],
    errorCodes: [],
    policySha256: undefined,
    opensStream: false,
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
  const fields =
    requestAudit.fields.length === 0 ? authorized.fields : [...requestAudit.fields, ...authorized.fields];
  requestAudit.fields = fits(fields) ? fields : rootFirst(fields, authorized.shape.rootType);
  requestAudit.refusals = [...requestAudit.refusals, ...refusals];
  requestAudit.unenforced = [...requestAudit.unenforced, ...unenforced];
  if (refusals.length === 0)
    requestAudit.outcome = requestAudit.outcome === 'FAILED' ? 'ALLOWED' : requestAudit.outcome;
  else requestAudit.outcome = authorized.everythingRefused || authorized.rejected ? 'DENIED' : 'PARTIAL';
}

/** What an operation does stands at its root: no cut may take that. */
function rootFirst(fields: readonly string[], rootType: string): readonly string[] {
  const isRoot = (coordinate: string): boolean => coordinate.startsWith(`${rootType}.`);
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

function bounded(text: string): string {
  return text.length <= TEXT_CHARACTERS ? text : `${text.slice(0, TEXT_CHARACTERS)}...`;
}

function explainRefusal(
  { path, coordinate, missing: lacking }: Refusal,
  rights: CallerRights,
): ExplainedRefusal {
  const because = lacking.map((missing): Reason => {
    const decision = rights.decisionOf(missing);
    if (decision === undefined) return { missing, reason: 'not_granted', ...rights.rolesAbout(missing) };
    const { reason, location } = decision;
    const rule = 'rule' in decision ? decision.rule : undefined;
    return {
      missing,
      reason,
      ...(rule === undefined ? {} : { rule }),
      ...(location === undefined ? rights.rolesAbout(missing) : { location }),
    };
  });
  return { path, coordinate, missing: lacking, because };
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

/** The first rule that refused something. */
function decidingRule(refusals: readonly ExplainedRefusal[]): string | null {
  return refusals.flatMap(({ because }) => because).find(({ rule }) => rule !== undefined)?.rule ?? null;
}

/** How many were cut. */
function cut(name: string, count: number): Readonly<Record<string, number>> {
  return count > 0 ? { [name]: count } : {};
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

/** Those at the top survive a cut; the paths hold aliases, which the client chose. */
function refusedFields(
  name: 'refused' | 'unenforced',
  refusals: readonly ExplainedRefusal[],
): Readonly<Record<string, unknown>> {
  if (refusals.length === 0) return {};
  const kept: Readonly<Record<string, unknown>>[] = [];
  let characters = 0;
  for (const refusal of [...refusals].sort((one, other) => one.path.length - other.path.length)) {
    const described = describeRefusal(refusal);
    characters += JSON.stringify(described).length;
    if (kept.length === REFUSALS_KEPT || characters > REFUSED_CHARACTERS) break;
    kept.push(described);
  }
  return { ...cut(`more_${name}`, refusals.length - kept.length), [name]: kept };
}

function describeRefusal({ coordinate, path, because }: ExplainedRefusal): Readonly<Record<string, unknown>> {
  return {
    coordinate,
    path: bounded(path.join('.')),
    because: because.slice(0, REASONS_KEPT),
    ...cut('more_because', because.length - REASONS_KEPT),
  };
}
