import { CodedError, SessionEndedError, UnavailableError } from '../platform/failures.ts';

export type Variables = Readonly<Record<string, unknown>>;

/** One error of a GraphQL answer (GraphQL specification section 7.1.2). */
interface GraphError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions?: { readonly code?: string; readonly service?: string };
}

interface Answer<Data> {
  readonly data?: Data | null;
  readonly errors?: readonly GraphError[];
}

/** What a document was answered with; a field that is null for a reason has it in `problems`. */
export interface Result<Data> {
  readonly data: Partial<Data>;
  /** Code of the failure or refusal, by the root field's key. */
  readonly problems: Readonly<Record<string, string>>;
  /** Parts that do not answer. */
  readonly away: readonly string[];
}

const AWAY = new Map([
  ['SUBGRAPH_UNAVAILABLE', undefined],
  ['AUDIT_UNAVAILABLE', 'audit'],
  ['STS_UNAVAILABLE', 'sts'],
  ['NOT_READY', undefined],
  ['GATEWAY_UNAVAILABLE', 'gateway'],
]);

/**
 * Sends an operation as the caller of this session.
 *
 * @throws UnavailableError, SessionEndedError; CodedError where nothing was answered at all
 */
export async function askGateway<Data>(
  query: string,
  variables: Variables = {},
  signal?: AbortSignal,
): Promise<Result<Data>> {
  const response = await fetch('/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ query, variables, operationName: operationName(query) }),
    ...(signal === undefined ? {} : { signal }),
  }).catch((error: unknown) => {
    if (signal?.aborted === true) throw error;
    throw new UnavailableError(['console']);
  });
  if (response.status === 401) throw new SessionEndedError('The session has ended');
  const answer = await readAnswer<Data>(response);
  const errors = answer.errors ?? [];
  if (answer.data === undefined || (answer.data === null && !errors.some(({ path }) => path !== undefined)))
    throw failureOf(errors, response.status);
  return { data: answer.data ?? {}, ...describeErrors(errors) };
}

/** Like `askGateway`, for an operation that either happens or fails. */
export async function runMutation<Data>(query: string, variables: Variables): Promise<Data> {
  const { data, problems, away } = await askGateway<Data>(query, variables);
  if (away.length > 0) throw new UnavailableError(away);
  const [code] = Object.values(problems);
  if (code !== undefined) throw new CodedError(code, 'The operation was refused');
  return data as Data;
}

async function readAnswer<Data>(response: Response): Promise<Answer<Data>> {
  try {
    return (await response.json()) as Answer<Data>;
  } catch {
    throw new UnavailableError(['gateway']);
  }
}

function failureOf(errors: readonly GraphError[], status: number): Error {
  const [first] = errors;
  const code = first?.extensions?.code ?? '';
  if (status >= 500 || AWAY.has(code))
    return new UnavailableError([AWAY.get(code) ?? first?.extensions?.service ?? 'gateway']);
  return new CodedError(code === '' ? `HTTP ${String(status)}` : code, first?.message ?? '');
}

function describeErrors(errors: readonly GraphError[]): Pick<Result<unknown>, 'problems' | 'away'> {
  const problems: Record<string, string> = {};
  const away = new Set<string>();
  for (const { path, extensions } of errors) {
    const code = extensions?.code ?? 'INTERNAL_SERVER_ERROR';
    const field = String(path?.[0] ?? '');
    if (AWAY.has(code)) away.add(AWAY.get(code) ?? extensions?.service ?? serviceOf(field));
    problems[field] ??= code;
  }
  return { problems, away: [...away] };
}

/** The service that answers a root field, where the error does not name it. */
function serviceOf(field: string): string {
  if (field.startsWith('audit')) return 'audit';
  return /^(whoami|signingKeys|clientSecrets|rotateSigningKeys|revokeToken)$/.test(field) ? 'sts' : 'admin';
}

function operationName(query: string): string {
  return /^\s*(?:query|mutation)\s+(\w+)/.exec(query)?.[1] ?? '';
}
