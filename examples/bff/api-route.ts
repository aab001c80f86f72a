import { askGateway, type GatewayAnswer, Secret, type SecurePeer, SecurityError } from '@aduana/client';
import { type BrowserRules, checkBrowserRules } from '@aduana/core/http/browser-rules';
import { shownToken } from '@aduana/core/http/require-access-token';
import type { Route, ServiceRequest, ServiceResponse } from '@aduana/core/http/route';
import { OPERATIONS, type Operation } from './operations.ts';

export interface ApiOptions {
  readonly gateway: SecurePeer;
  /** The BFF's own token for the gateway. */
  readonly ownToken: () => Promise<Secret>;
  readonly browser: BrowserRules;
}

const PREFIX = '/api/';
const BODY_LIMIT_BYTES = 16_384;

/**
 * `POST /api/<operation>` with `{"variables": {...}}`: a fixed list, JSON only, for pages of this origin. With a user's
 * token the gateway is asked with it alone, and takes this BFF, whose certificate it sees, as the one who acts for the
 * user; whatever becomes of that, the BFF's own rights are not used instead.
 */
export function createApiRoute({ gateway, ownToken, browser }: ApiOptions): Route {
  return {
    method: 'POST',
    path: `${PREFIX}*`,
    async handle(request) {
      checkBrowserRules(request, browser);
      const operation = OPERATIONS.get(request.path.slice(PREFIX.length));
      if (operation === undefined) throw new SecurityError('NOT_FOUND');
      const variables = await readVariables(request, operation);
      const shown = shownToken(request);
      const userToken = shown?.scheme === 'bearer' ? shown.token : undefined;
      if (request.headers.authorization !== undefined && userToken === undefined)
        throw new SecurityError('UNAUTHENTICATED', { detail: 'not a bearer token' });
      if (operation.needsUser && userToken === undefined) throw new SecurityError('UNAUTHENTICATED');
      const token = userToken === undefined ? await ownTokenOf(ownToken) : Secret.of(userToken);
      const answer = await askGateway(gateway, {
        document: operation.document,
        variables,
        token,
        signal: request.signal,
      });
      return toResponse(answer, userToken !== undefined);
    },
  };
}

async function readVariables(
  request: ServiceRequest,
  operation: Operation,
): Promise<Readonly<Record<string, unknown>>> {
  if (!/^application\/json(;|$)/i.test(request.headers['content-type'] ?? ''))
    throw new SecurityError('UNSUPPORTED_MEDIA_TYPE');
  const text = (await request.body(BODY_LIMIT_BYTES)).toString('utf8');
  const parsed = operation.variables.safeParse(parseVariables(text));
  if (!parsed.success) throw new SecurityError('BAD_REQUEST', { detail: parsed.error.message });
  return parsed.data;
}

function parseVariables(text: string): unknown {
  try {
    return (JSON.parse(text) as { variables?: unknown } | null)?.variables ?? {};
  } catch (error) {
    throw new SecurityError('BAD_REQUEST', { detail: 'the body is not JSON', cause: error });
  }
}

async function ownTokenOf(ownToken: () => Promise<Secret>): Promise<Secret> {
  return ownToken().catch((error: unknown) => {
    throw new SecurityError('GATEWAY_UNAVAILABLE', { detail: 'no token of our own', cause: error });
  });
}

/** What the page gets: data, what was refused, and the audit id to ask about; never an error as the gateway worded it. */
function toResponse(answer: GatewayAnswer, asUser: boolean): ServiceResponse {
  const { status, data, errors, auditId } = answer;
  if (status === 401 && asUser) throw new SecurityError('UNAUTHENTICATED', { detail: codesOf(answer) });
  if (status === 403) throw new SecurityError('FORBIDDEN', { detail: codesOf(answer) });
  if (status === 429) throw new SecurityError('RATE_LIMITED', { detail: codesOf(answer) });
  if (status !== 200) throw new SecurityError('GATEWAY_UNAVAILABLE', { detail: codesOf(answer) });
  const refused = errors.map(({ path = [], extensions }) => ({
    path: path.join('.'),
    code: typeof extensions?.['code'] === 'string' ? extensions['code'] : 'INTERNAL_SERVER_ERROR',
  }));
  return {
    status: 200,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
    body: JSON.stringify({ data, refused, auditId }),
  };
}

function codesOf({ status, errors }: GatewayAnswer): string {
  const codes = errors.map(({ extensions }) => String(extensions?.['code']));
  return `the gateway answered ${String(status)} ${codes.join(' ')}`;
}
