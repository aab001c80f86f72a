import { type GatewayStream, subscribeGateway } from '@aduana/client/gateway/subscribe-gateway';
import type { HeldToken, StsClient } from '@aduana/client/sts/sts-client';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { OpenPeer, SecurePeer, SecureResponse } from '@aduana/core/mtls-client/secure-peer';
import type { TraceContext } from '@aduana/core/wire/trace-context';
import { formatTraceparent } from '@aduana/core/wire/trace-context';
import type { SignedIn } from './session.ts';

/** The gateway, asked as the caller of a session, with the console as the actor (RFC 8693). */
export interface CallerGateway {
  /**
   * The caller's token for the gateway, kept while it is good.
   *
   * @throws SecurityError `UNAUTHENTICATED` where what the caller signed in with counts no more
   */
  tokenOf(caller: Pick<SignedIn, 'subjectToken'>): Promise<HeldToken>;
  /** @throws SecurityError `UNAUTHENTICATED`, `FORBIDDEN`, `STS_UNAVAILABLE`, `GATEWAY_UNAVAILABLE` */
  graphql(caller: Pick<SignedIn, 'subjectToken'>, request: GatewayRequest): Promise<SecureResponse>;
  get(caller: Pick<SignedIn, 'subjectToken'>, path: string, request: Sending): Promise<SecureResponse>;
  /** Opens a subscription; @throws as `graphql` does */
  subscribe(
    caller: Pick<SignedIn, 'subjectToken'>,
    request: Omit<GatewayRequest, 'trace' | 'operationName'>,
  ): Promise<GatewayStream>;
}

export interface Sending {
  readonly trace: TraceContext;
  readonly signal: AbortSignal;
}

export interface GatewayRequest extends Sending {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly operationName?: string;
}

const TIMEOUT_MS = 35_000;
const ANSWER_BYTES = 33_554_432;

/** @param streams connections of their own: those of pages are not held by what does not end */
export function createCallerGateway(
  gateway: SecurePeer,
  streams: Pick<OpenPeer, 'stream'>,
  sts: Pick<StsClient, 'exchangeBearer'>,
): CallerGateway {
  const tokenOf: CallerGateway['tokenOf'] = ({ subjectToken }) => sts.exchangeBearer(subjectToken);
  const headersOf = async (
    caller: Pick<SignedIn, 'subjectToken'>,
    trace: TraceContext,
  ): Promise<Readonly<Record<string, string>>> => {
    const { token } = await tokenOf(caller);
    return { authorization: `Bearer ${token.reveal()}`, traceparent: formatTraceparent(trace) };
  };
  return {
    tokenOf,
    async subscribe(caller, { query: document, variables = {}, signal }) {
      const { token } = await tokenOf(caller);
      return subscribeGateway(streams, { document, variables, token, signal });
    },
    async graphql(caller, { query, variables = {}, operationName, trace, signal }) {
      return gateway.request({
        method: 'POST',
        path: '/graphql',
        headers: {
          ...(await headersOf(caller, trace)),
          'content-type': 'application/json',
          accept: 'application/graphql-response+json, application/json',
        },
        body: JSON.stringify({ query, variables, ...(operationName === undefined ? {} : { operationName }) }),
        timeoutMilliseconds: TIMEOUT_MS,
        maxResponseBytes: ANSWER_BYTES,
        signal,
      });
    },
    async get(caller, path, { trace, signal }) {
      return gateway.request({
        method: 'GET',
        path,
        headers: await headersOf(caller, trace),
        timeoutMilliseconds: TIMEOUT_MS,
        maxResponseBytes: ANSWER_BYTES,
        signal,
      });
    },
  };
}

/** Whether an error says that the credentials of the session count no more. */
export function isSignedOut(error: unknown): boolean {
  return error instanceof SecurityError && (error.code === 'UNAUTHENTICATED' || error.code === 'FORBIDDEN');
}
