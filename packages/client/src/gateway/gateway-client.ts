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
  /** Also the refused fields, each with its path and the code `UNAUTHORIZED_FIELD_OR_TYPE`. */
  readonly errors: readonly GatewayError[];
}

/** One GraphQL request. */
export interface GatewayRequest {
  /** The text of one GraphQL operation. */
  readonly document: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  /** The access token to call with; without it the gateway authenticates the certificate of the connection. */
  readonly token?: Secret;
  /** Abandons the request. */
  readonly signal?: AbortSignal;
}

const TIMEOUT_MS = 35_000;
const ANSWER_BYTES = 67_108_864;

/** A query with such a word in a string or a comment is not repeated either: that does no harm. */
const CHANGES_OR_STREAMS = /\b(?:mutation|subscription)\b/;

/**
 * Sends one GraphQL request to the gateway, over the peer's mTLS connection. If the connection fails before the first byte
 * of an answer, the request is sent once more: a query always, a mutation only if the connection was refused, so that it
 * cannot run twice. This happens when a load balancer still sends requests to a replica that stops. The gateway has 35 s to
 * answer.
 *
 * @throws SecurityError `GATEWAY_UNAVAILABLE` (the peer's failure code) when there is no complete answer. A refusal by the
 *   gateway does not throw: it is in `status` and `errors`
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
