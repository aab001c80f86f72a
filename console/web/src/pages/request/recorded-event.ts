/** What the Request page reads of an event's canonical text; whatever has another form is left out. */
export interface RecordedEvent {
  readonly actor: {
    readonly sub: string | undefined;
    readonly clientId: string | undefined;
    /** Who acts for the subject, outermost first. */
    readonly act: readonly string[];
    readonly authMethod: string | undefined;
    readonly thumbprint: string | undefined;
  };
  readonly operationName: string | undefined;
  readonly operationKind: string | undefined;
  readonly documentSha256: string | undefined;
  readonly fields: readonly string[];
  readonly subgraphs: readonly string[];
  readonly code: string | undefined;
  readonly reason: string | undefined;
  readonly errorCodes: readonly string[];
  readonly address: string | undefined;
  readonly refused: readonly RefusedField[];
  /** What would have been refused in another mode than `dry_run`. */
  readonly unenforced: readonly RefusedField[];
  readonly moreFields: number;
  readonly moreRefused: number;
  readonly policySha256: string | undefined;
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
  readonly source: {
    readonly peer: string | undefined;
    readonly instance: string | undefined;
    readonly n: number | undefined;
  };
  /** Every member of `detail` that the lists above do not show. */
  readonly others: readonly (readonly [string, string])[];
}

export interface RefusedField {
  readonly coordinate: string;
  readonly path: string | undefined;
  readonly because: readonly RefusalReason[];
}

export interface RefusalReason {
  /** The permission or policy that is missing. */
  readonly missing: string;
  readonly reason: string | undefined;
  readonly rule: string | undefined;
  /** file:line. */
  readonly location: string | undefined;
  /** The caller's own, where no rule decided. */
  readonly roles: readonly PlacedRole[];
  /** Roles that would have allowed it. */
  readonly grantedBy: readonly PlacedRole[];
}

export interface PlacedRole {
  readonly role: string;
  readonly location: string | undefined;
}

type Members = Readonly<Record<string, unknown>>;

const SHOWN = new Set([
  'source_address',
  'operation_kind',
  'code',
  'reason',
  'error_codes',
  'refused',
  'unenforced',
  'more_fields',
  'more_refused',
]);

/** Undefined for a text that is no JSON object. */
export function readRecordedEvent(canonical: string): RecordedEvent | undefined {
  const event = parse(canonical);
  if (event === undefined) return undefined;
  const [actor, request, detail, source] = [
    event['actor'],
    event['request'],
    event['detail'],
    event['source'],
  ].map(members) as [Members, Members, Members, Members];
  const [policy, trace] = [members(event['policy']), members(event['trace'])];
  return {
    actor: {
      sub: textOf(actor['sub']),
      clientId: textOf(actor['client_id']),
      act: textsOf(actor['act']),
      authMethod: textOf(actor['auth_method']),
      thumbprint: textOf(actor['cert_thumbprint']),
    },
    operationName: textOf(request['operation_name']),
    operationKind: textOf(detail['operation_kind']),
    documentSha256: textOf(request['document_sha256']),
    fields: textsOf(request['fields']),
    subgraphs: textsOf(request['subgraphs']),
    code: textOf(detail['code']),
    reason: textOf(detail['reason']),
    errorCodes: textsOf(detail['error_codes']),
    address: textOf(detail['source_address']),
    refused: refusedOf(detail['refused']),
    unenforced: refusedOf(detail['unenforced']),
    moreFields: countOf(detail['more_fields']),
    moreRefused: countOf(detail['more_refused']),
    policySha256: textOf(policy['sha256']),
    traceId: textOf(trace['trace_id']),
    spanId: textOf(trace['span_id']),
    source: {
      peer: textOf(source['peer']),
      instance: textOf(source['instance']),
      n: typeof source['n'] === 'number' ? source['n'] : undefined,
    },
    others: Object.entries(detail)
      .filter(([name]) => !SHOWN.has(name))
      .map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)] as const),
  };
}

function refusedOf(value: unknown): readonly RefusedField[] {
  return listOf(value).map((refused) => ({
    coordinate: textOf(refused['coordinate']) ?? '',
    path: textOf(refused['path']),
    because: listOf(refused['because']).map((reason) => ({
      missing: textOf(reason['missing']) ?? '',
      reason: textOf(reason['reason']),
      rule: textOf(reason['rule']),
      location: textOf(reason['location']),
      roles: placedRoles(reason['roles']),
      grantedBy: placedRoles(reason['granted_by']),
    })),
  }));
}

/** `{ role, location }`, or a bare name. */
function placedRoles(value: unknown): readonly PlacedRole[] {
  if (!Array.isArray(value)) return [];
  return value.map((one: unknown) =>
    typeof one === 'string'
      ? { role: one, location: undefined }
      : { role: textOf(members(one)['role']) ?? '', location: textOf(members(one)['location']) },
  );
}

function parse(text: string): Members | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Members)
      : undefined;
  } catch {
    return undefined;
  }
}

function members(value: unknown): Members {
  return typeof value === 'object' && value !== null ? (value as Members) : {};
}

function listOf(value: unknown): readonly Members[] {
  return Array.isArray(value) ? value.map(members) : [];
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

function countOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
