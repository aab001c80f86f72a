import { SecurityError } from '@aduana/core/errors/security-error';
import type { ServiceRequest } from '@aduana/core/http/route';

/** The parameters of a GraphQL request (GraphQL over HTTP, section 5.1), checked for form. */
export interface GraphqlRequest {
  readonly query: string | undefined;
  readonly operationName: string | undefined;
  readonly variables: Readonly<Record<string, unknown>>;
  /** Of the variables: those of lists and objects, and these themselves. */
  readonly values: number;
  readonly extensions: Readonly<Record<string, unknown>>;
  /** GET may run queries only. */
  readonly queriesOnly: boolean;
}

/** How much one request may hold. */
export interface RequestLimits {
  /** Operations; with 1 every array is refused. */
  readonly batch: number | 'off';
  /** Values of the variables of one operation. */
  readonly values: number | 'off';
}

const NO_MEMBERS: Readonly<Record<string, unknown>> = Object.freeze(
  Object.create(null) as Record<string, unknown>,
);
/** Depth of a variable's lists and objects: what traverses values recursively can take it. */
const DEPTH_LIMIT = 200;
const PREFLIGHT_HEADERS = ['apollo-require-preflight', 'x-apollo-operation-name', 'authorization', 'dpop'];

/**
 * Reads the request or the requests of a batch.
 *
 * @param body undefined for GET
 * @throws SecurityError `BAD_REQUEST`, `UNSUPPORTED_MEDIA_TYPE`, `CSRF_PREVENTED`, `LIMIT_BATCH_EXCEEDED`,
 * `LIMIT_DEPTH_EXCEEDED`, `LIMIT_VALUES_EXCEEDED`
 */
export function readGraphqlRequests(
  request: ServiceRequest,
  body: Buffer | undefined,
  limits: RequestLimits,
): { readonly requests: readonly GraphqlRequest[]; readonly batched: boolean } {
  if (body === undefined) return { requests: [readQueryString(request, limits)], batched: false };
  requireJson(request.headers['content-type']);
  const parsed = parseJson(body.toString('utf8'), 'the body');
  if (!Array.isArray(parsed)) return { requests: [readParameters(parsed, limits, false)], batched: false };
  const { batch: batchLimit } = limits;
  if (batchLimit !== 'off' && (batchLimit < 2 || parsed.length > batchLimit))
    throw new SecurityError('LIMIT_BATCH_EXCEEDED');
  if (parsed.length === 0) throw new SecurityError('BAD_REQUEST', { detail: 'an empty batch' });
  return { requests: parsed.map((entry) => readParameters(entry, limits, false)), batched: true };
}

/**
 * Reads the parameters of one operation that came over a connection of many.
 *
 * @throws SecurityError `BAD_REQUEST`, `LIMIT_DEPTH_EXCEEDED`, `LIMIT_VALUES_EXCEEDED`
 */
export function readOperationParameters(payload: unknown, limits: RequestLimits): GraphqlRequest {
  return readParameters(payload, limits, false);
}

/** JSON by media type, so that a browser has to ask before a page of another origin may send it. */
function requireJson(contentType: string | undefined): void {
  const [type = '', ...parameters] = (contentType ?? '').toLowerCase().split(';');
  const isJson = type.trim() === 'application/json' || /^application\/[a-z0-9.-]+\+json$/.test(type.trim());
  if (!isJson) throw new SecurityError('UNSUPPORTED_MEDIA_TYPE', { detail: 'not JSON' });
  for (const parameter of parameters) {
    const [name = '', value = ''] = parameter.split('=');
    if (name.trim() === 'charset' && !/^"?utf-?8"?$/.test(value.trim()))
      throw new SecurityError('UNSUPPORTED_MEDIA_TYPE', { detail: 'a charset other than UTF-8' });
  }
}

function readQueryString(request: ServiceRequest, limits: RequestLimits): GraphqlRequest {
  const contentType = request.headers['content-type'];
  if (contentType !== undefined) requireJson(contentType);
  else if (!PREFLIGHT_HEADERS.some((name) => request.headers[name] !== undefined))
    throw new SecurityError('CSRF_PREVENTED');
  const { query } = request;
  for (const name of ['query', 'operationName', 'variables', 'extensions'])
    if (query.getAll(name).length > 1)
      throw new SecurityError('BAD_REQUEST', { detail: 'a repeated parameter' });
  const json = (name: string): unknown => {
    const text = query.get(name);
    return text === null || text === '' ? undefined : parseJson(text, name);
  };
  return readParameters(
    {
      query: query.get('query') ?? undefined,
      operationName: query.get('operationName') ?? undefined,
      variables: json('variables'),
      extensions: json('extensions'),
    },
    limits,
    true,
  );
}

function readParameters(value: unknown, limits: RequestLimits, queriesOnly: boolean): GraphqlRequest {
  if (!isObject(value)) throw new SecurityError('BAD_REQUEST', { detail: 'not an object' });
  const { query, operationName, variables, extensions } = value;
  if (query !== undefined && query !== null && typeof query !== 'string')
    throw new SecurityError('BAD_REQUEST', { detail: '`query` is not a string' });
  if (operationName !== undefined && operationName !== null && typeof operationName !== 'string')
    throw new SecurityError('BAD_REQUEST', { detail: '`operationName` is not a string' });
  const sent = readMembers(variables, '`variables` is not an object');
  return {
    query: query ?? undefined,
    operationName: operationName ?? undefined,
    variables: sent,
    values: countValues(sent, limits.values === 'off' ? Infinity : limits.values),
    extensions: readMembers(extensions, '`extensions` is not an object'),
    queriesOnly,
  };
}

/**
 * Counts what lists and objects hold, at all depths.
 *
 * @throws SecurityError `LIMIT_VALUES_EXCEEDED`, `LIMIT_DEPTH_EXCEEDED`
 */
function countValues(variables: object, limit: number): number {
  let values = 0;

  function count(value: object, levels: number): void {
    if (levels < 0)
      throw new SecurityError('LIMIT_DEPTH_EXCEEDED', { detail: 'a variable is nested too deeply' });
    if (Array.isArray(value)) for (const element of value) countOne(element, levels);
    else for (const name in value) countOne((value as Readonly<Record<string, unknown>>)[name], levels);
  }

  function countOne(member: unknown, levels: number): void {
    values += 1;
    if (values > limit) throw new SecurityError('LIMIT_VALUES_EXCEEDED');
    if (typeof member === 'object' && member !== null) count(member, levels - 1);
  }

  count(variables, DEPTH_LIMIT);
  return values;
}

function readMembers(value: unknown, detail: string): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return NO_MEMBERS;
  if (!isObject(value)) throw new SecurityError('BAD_REQUEST', { detail });
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new SecurityError('BAD_REQUEST', { detail: `${what} is not JSON` });
  }
}
