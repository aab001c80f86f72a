import type { AuditActor, AuditOutcome, AuditRecord } from '@aduana/core/audit/audit-event';
import { ANONYMOUS } from '@aduana/core/audit/audit-event';
import type { SecurityError } from '@aduana/core/errors/security-error';
import { actorsOf } from '@aduana/core/tokens/parse-access-token-claims';
import type { TraceContext } from '@aduana/core/wire/trace-context';
import type { CallerRights } from './rights.ts';
import type { Authorized, Caller, Refusal } from './stages.ts';

const API_ACTIVITY = 6003;
const AUTHENTICATION = 3002;
const REFUSALS_KEPT = 50;
const FIELDS_KEPT = 200;

/** A refused field with what decided of each right that the caller lacks. */
interface ExplainedRefusal extends Refusal {
  readonly because: readonly Reason[];
}

/** `rule` and `location` where a rule of the policies decided. */
interface Reason {
  readonly missing: string;
  readonly reason: string;
  readonly rule?: string;
  readonly location?: string;
}

/** What is learned of one request while it walks; becomes its one audit event. */
export interface Journal {
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
}

export function openJournal(id: string): Journal {
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
  };
}

/** Notes a refusal or a failure that ended the request. */
export function noteFailure(journal: Journal, error: SecurityError): void {
  const refused = error.status === 401 || error.status === 403 || error.status === 429;
  journal.outcome = refused ? 'DENIED' : 'FAILED';
  journal.code = error.code;
  journal.reason = error.detail;
}

export function noteCaller(journal: Journal, caller: Caller): void {
  const { claims } = caller;
  journal.actor = {
    sub: claims.sub,
    client_id: claims.client_id,
    act: actorsOf(claims.act),
    auth_method: caller.method,
    cert_thumbprint: caller.certificateThumbprint ?? null,
  };
}

/** Notes what runs and what is refused of it. */
export function noteFields(journal: Journal, authorized: Authorized, rights: CallerRights): void {
  const refusals = authorized.refusals.map((refusal) => explainRefusal(refusal, rights));
  const unenforced = authorized.unenforced.map((refusal) => explainRefusal(refusal, rights));
  const fields = journal.fields.length === 0 ? authorized.fields : [...journal.fields, ...authorized.fields];
  journal.fields = fields.length > FIELDS_KEPT ? rootFirst(fields, authorized.shape.rootType) : fields;
  journal.refusals = [...journal.refusals, ...refusals];
  journal.unenforced = [...journal.unenforced, ...unenforced];
  if (refusals.length === 0) journal.outcome = journal.outcome === 'FAILED' ? 'ALLOWED' : journal.outcome;
  else journal.outcome = authorized.everythingRefused || authorized.rejected ? 'DENIED' : 'PARTIAL';
}

/** What an operation does stands at its root: no cut may take that. */
function rootFirst(fields: readonly string[], rootType: string): readonly string[] {
  const isRoot = (coordinate: string): boolean => coordinate.startsWith(`${rootType}.`);
  return [...fields.filter(isRoot), ...fields.filter((coordinate) => !isRoot(coordinate))];
}

function explainRefusal(refusal: Refusal, rights: CallerRights): ExplainedRefusal {
  const because = refusal.missing.map((missing): Reason => {
    const decision = rights.decisionOf(missing);
    if (decision === undefined) return { missing, reason: 'not_granted' };
    const { reason, location } = decision;
    const rule = 'rule' in decision ? decision.rule : undefined;
    return {
      missing,
      reason,
      ...(rule === undefined ? {} : { rule }),
      ...(location === undefined ? {} : { location }),
    };
  });
  return { ...refusal, because };
}

/** The `request` event: one for each HTTP request to `/graphql`. */
export function requestRecord(journal: Journal, trace: TraceContext, address: string): AuditRecord {
  const authenticated = journal.actor !== ANONYMOUS;
  return {
    id: journal.id,
    type: 'request',
    class_uid: authenticated ? API_ACTIVITY : AUTHENTICATION,
    outcome: journal.outcome,
    actor: journal.actor,
    request: {
      operation_name: journal.operationName ?? null,
      document_sha256: journal.documentHash ?? null,
      fields: journal.fields.slice(0, FIELDS_KEPT),
      subgraphs: journal.subgraphs,
    },
    policy:
      journal.policySha256 === undefined
        ? null
        : { rule: decidingRule(journal.refusals), sha256: journal.policySha256 },
    trace: { trace_id: trace.traceId, span_id: trace.spanId },
    detail: {
      source_address: address,
      ...(journal.operationKind === undefined ? {} : { operation_kind: journal.operationKind }),
      ...(journal.code === undefined ? {} : { code: journal.code }),
      ...(journal.reason === undefined ? {} : { reason: journal.reason }),
      ...(journal.errorCodes.length === 0 ? {} : { error_codes: journal.errorCodes }),
      ...(journal.refusals.length === 0 ? {} : { refused: refusedFields(journal.refusals) }),
      ...(journal.unenforced.length === 0 ? {} : { unenforced: refusedFields(journal.unenforced) }),
      ...cut('more_fields', journal.fields.length - FIELDS_KEPT),
      ...cut('more_refused', journal.refusals.length - REFUSALS_KEPT),
      ...cut('more_unenforced', journal.unenforced.length - REFUSALS_KEPT),
    },
  };
}

/** The `request.intent` event: durable before a mutation is forwarded. */
export function intentRecord(journal: Journal, trace: TraceContext): AuditRecord {
  return {
    type: 'request.intent',
    class_uid: API_ACTIVITY,
    outcome: journal.refusals.length > 0 ? 'PARTIAL' : 'ALLOWED',
    actor: journal.actor,
    request: {
      operation_name: journal.operationName ?? null,
      document_sha256: journal.documentHash ?? null,
      fields: journal.fields.slice(0, FIELDS_KEPT),
      subgraphs: [],
    },
    trace: { trace_id: trace.traceId, span_id: trace.spanId },
    detail: { audit_id: journal.id },
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

/** Those at the top survive a cut. */
function refusedFields(refusals: readonly ExplainedRefusal[]): readonly Readonly<Record<string, unknown>>[] {
  return [...refusals]
    .sort((one, other) => one.path.length - other.path.length)
    .slice(0, REFUSALS_KEPT)
    .map(({ coordinate, path, because }) => ({ coordinate, path: path.join('.'), because }));
}
