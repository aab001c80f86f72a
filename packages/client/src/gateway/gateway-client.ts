import { SecurityError } from '../errors/security-error.ts';
import type { Secret } from '../secrets/secret.ts';
import type { SecurePeer } from './secure-peer.ts';

export interface GatewayError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions?: Readonly<Record<string, unknown>>;
}

export interface GatewayAnswer {
  readonly status: number;
  /** The id of this request's event in the audit log. */
  readonly auditId: string | undefined;
  readonly data: Readonly<Record<string, unknown>> | null;
  /** Refusals among them: `UNAUTHORIZED_FIELD_OR_TYPE` with its path. */
  readonly errors: readonly GatewayError[];
}

export interface GatewayRequest {
  readonly document: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  /** Who asks; without it the gateway takes the certificate of the connection. */
  readonly token?: Secret;
  readonly signal?: AbortSignal;
}

const TIMEOUT_MS = 35_000;
const ANSWER_BYTES = 67_108_864;

/**
 * One GraphQL request to the gateway, over the peer's mTLS connection.
 *
 * @throws SecurityError the peer's failure code when the gateway does not answer; what it refuses stands in the answer
 */
export async function askGateway(
  gateway: SecurePeer,
  { document, variables = {}, token, signal }: GatewayRequest,
): Promise<GatewayAnswer> {
  const { status, headers, body } = await gateway.request({
    method: 'POST',
    path: '/graphql',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json, application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token.reveal()}` }),
    },
    body: JSON.stringify({ query: document, variables }),
    timeoutMilliseconds: TIMEOUT_MS,
    maxResponseBytes: ANSWER_BYTES,
    ...(signal === undefined ? {} : { signal }),
  });
  const auditId = headers['audit-id'];
  return { status, auditId: typeof auditId === 'string' ? auditId : undefined, ...parseBody(body) };
}

function parseBody(body: Buffer): Pick<GatewayAnswer, 'data' | 'errors'> {
  try {
    const { data = null, errors = [] } = JSON.parse(body.toString('utf8')) as Partial<GatewayAnswer>;
    return { data, errors };
  } catch (error) {
    throw new SecurityError('GATEWAY_UNAVAILABLE', { detail: 'the answer is not JSON', cause: error });
  }
}
