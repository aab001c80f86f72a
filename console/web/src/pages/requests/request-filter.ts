/** What the address of the Requests page holds. */
export interface RequestFilter {
  readonly actor?: string;
  readonly outcome?: string;
  /** `any` for every type; `request` where it is not given. */
  readonly type?: string;
  readonly operation?: string;
  /** `Type.field` that was run or refused. */
  readonly field?: string;
  readonly trace?: string;
  /** RFC 3339. */
  readonly since?: string;
  readonly until?: string;
  /** `off` shows what is stored alone. */
  readonly live?: string;
}

export const OUTCOMES = ['ALLOWED', 'PARTIAL', 'DENIED', 'FAILED'] as const;
export const ANY_TYPE = 'any';
export const DEFAULT_TYPE = 'request';
const NAMES = ['actor', 'outcome', 'type', 'operation', 'field', 'trace', 'since', 'until', 'live'] as const;

/** Texts alone, and none that is empty. */
export function readRequestFilter(search: Readonly<Record<string, unknown>>): RequestFilter {
  const filter: Record<string, string> = {};
  for (const name of NAMES) {
    const value = search[name];
    const text = typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '';
    if (text !== '') filter[name] = text;
  }
  return filter;
}

/** As `AuditFilter` of the graph. */
export function toAuditFilter(filter: RequestFilter): Readonly<Record<string, string>> {
  const type = filter.type ?? DEFAULT_TYPE;
  const { actor, outcome, operation, field, trace, since, until } = filter;
  return withoutUndefined({
    actor,
    outcome: OUTCOMES.find((known) => known === outcome),
    operation,
    field,
    traceId: trace,
    since,
    until,
    type: type === ANY_TYPE ? undefined : type,
  });
}

/** The address of the live stream; undefined where it can show nothing that the filter asks for. */
export function streamAddress(filter: RequestFilter): string | undefined {
  if (filter.live === 'off' || filter.until !== undefined || filter.trace !== undefined) return undefined;
  const { actor, outcome, type, operation } = toAuditFilter(filter);
  const search = new URLSearchParams(withoutUndefined({ actor, outcome, type, operation }));
  return `/requests/stream?${search.toString()}`;
}

function withoutUndefined(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
