import type { StsClient } from '@aduana/client/sts/sts-client';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';
import { formatTraceparent } from '@aduana/core/wire/trace-context';
import type { SubscriptionSettings } from '../supergraph/subscription-settings.ts';
import { readEventStream } from './event-stream-upstream.ts';
import { openSocket } from './open-socket.ts';
import type { SubgraphConnection } from './subgraph-connection.ts';
import type { Upstream, UpstreamRequest } from './upstream.ts';

/** What is sent beside the request itself. */
export interface UpstreamShipment {
  readonly line: SubgraphConnection;
  readonly subscriptions: SubscriptionSettings;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** Opens a stream as a fetch is sent: with the least token, once more with a fresh one where that is refused. */
export async function openUpstream(
  shipment: UpstreamShipment,
  request: UpstreamRequest,
  sts: StsClient,
  clock: Clock,
): Promise<Upstream> {
  const { caller, narrowing } = request;
  const open = async (): Promise<Upstream | undefined> => {
    const token = await sts.narrow({ token: caller.subjectToken, claims: caller.claims }, narrowing);
    const headers = {
      ...shipment.headers,
      authorization: `Bearer ${token.reveal()}`,
      traceparent: formatTraceparent(request.trace),
    };
    const addressed = { ...shipment, headers };
    return shipment.subscriptions.protocol === 'sse'
      ? openEventStream(addressed, request, clock)
      : openConnection(addressed, request, clock);
  };
  const first = await open();
  if (first !== undefined) return first;
  sts.forgetNarrowed(caller, narrowing);
  const second = await open();
  if (second === undefined) throw new SecurityError('SUBGRAPH_ERROR', { detail: 'it takes no token' });
  return second;
}

/** Undefined where the subgraph does not take the token, as below. */
async function openEventStream(
  { line, subscriptions, headers, timeoutMs }: UpstreamShipment,
  { body, signal }: UpstreamRequest,
  clock: Clock,
): Promise<Upstream | undefined> {
  const stream = await line.streams().stream({
    method: 'POST',
    path: subscriptions.path ?? line.path,
    headers: { ...headers, 'content-type': 'application/json', accept: 'text/event-stream' },
    body,
    timeoutMilliseconds: timeoutMs,
    signal,
  });
  if (stream.status !== 401) return readEventStream(stream, line.answers, clock);
  stream.close();
  return undefined;
}

function openConnection(
  { line, subscriptions, headers, timeoutMs }: UpstreamShipment,
  { body, signal }: UpstreamRequest,
  clock: Clock,
): Promise<Upstream | undefined> {
  const path = subscriptions.path ?? line.path;
  return openSocket(line.streams(), { path, headers, body, timeoutMs, signal, clock, answers: line.answers });
}
