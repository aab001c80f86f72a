import { SecurityError } from '@aduana/core/errors/security-error';
import type { Secret } from '@aduana/core/secrets/secret';
import { CallError } from '@aduana/core/mtls-client/call-error';
import type { SecurePeer, SecureResponse } from '@aduana/core/mtls-client/secure-peer';

/** A GraphQL error (GraphQL section 7.1.2), with Aduana's code in `extensions.code`. */
export interface GatewayError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** What the gateway answered to one request. */
export interface GatewayAnswer {
  /** The HTTP status: 200 where the operation ran, whether or not fields of it were refused. */
  readonly status: number;
  /** The id of this request's event in the audit log. */
  readonly auditId: string | undefined;
  /** Null where nothing could be answered; a refused field is null in it. */
  readonly data: Readonly<Record<string, unknown>> | null;
  /** Refusals among them: `UNAUTHORIZED_FIELD_OR_TYPE` with its path. */
  readonly errors: readonly GatewayError[];
}

/** One GraphQL request. */
export interface GatewayRequest {
  /** The text of one GraphQL operation. */
  readonly document: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  /** Who asks; without it the gateway takes the certificate of the connection. */
  readonly token?: Secret;
  /** Abandons the request. */
  readonly signal?: AbortSignal;
}

const TIMEOUT_MS = 35_000;
const ANSWER_BYTES = 67_108_864;

/** In a string or a comment they make a query one that is not repeated, which is as well. */
const CHANGES_OR_STREAMS = /\b(?:mutation|subscription)\b/;

/**
 * One GraphQL request to the gateway, over the peer's mTLS connection. A query whose connection failed before any byte of
 * an answer is sent again, as while a replica stops that a load balancer still has; a mutation only where nobody took the
 * connection.
 *
 * @throws SecurityError `GATEWAY_UNAVAILABLE` (the peer's failure code) when the gateway does not answer; what it refuses
 *   is in the answer
 * @example
 * const { status, data, errors } = await askGateway(client.gateway, { document: '{ leads { company } }', token });
 * const refused = errors.filter(({ extensions }) => extensions?.['code'] === 'UNAUTHORIZED_FIELD_OR_TYPE');
 */
export async function askGateway(
  gateway: SecurePeer,
  { document, variables = {}, token, signal }: GatewayRequest,
): Promise<GatewayAnswer> {
  const isQuery = !CHANGES_OR_STREAMS.test(document);
  const send = (): Promise<SecureResponse> =>
    gateway.request({
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
      repeatable: isQuery,
      ...(signal === undefined ? {} : { signal }),
    });
  const { status, headers, body } = await send().catch((error: unknown) => {
    if (!isUnconnected(error, isQuery)) throw error;
    return send();
  });
  const auditId = headers['audit-id'];
  return { status, auditId: typeof auditId === 'string' ? auditId : undefined, ...parseBody(body) };
}

/** Whether the request may be sent again: it changes nothing, or nobody has seen it. */
function isUnconnected(error: unknown, isQuery: boolean): boolean {
  if (!(error instanceof CallError) || error.failure !== 'connection') return false;
  return isQuery || (error.cause as { readonly code?: unknown } | undefined)?.code === 'ECONNREFUSED';
}

function parseBody(body: Buffer): Pick<GatewayAnswer, 'data' | 'errors'> {
  try {
    const { data = null, errors = [] } = JSON.parse(body.toString('utf8')) as Partial<GatewayAnswer>;
    return { data, errors };
  } catch (error) {
    throw new SecurityError('GATEWAY_UNAVAILABLE', { detail: 'the answer is not JSON', cause: error });
  }
}
