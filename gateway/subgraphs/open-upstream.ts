import type { StsClient } from '@aduana/client/sts/sts-client';
import type { SecureStream } from '@aduana/core/mtls-client/secure-client';
import { formatTraceparent } from '@aduana/core/wire/trace-context';
import { readEventStream } from './event-stream-upstream.ts';
import type { SubgraphConnection } from './subgraph-connection.ts';
import type { Upstream, UpstreamRequest } from './upstream.ts';

/** What is sent beside the request itself. */
export interface UpstreamShipment {
  readonly line: SubgraphConnection;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** Opens a stream as a fetch is sent: with the least token, once more with a fresh one where that is refused. */
export async function openUpstream(
  shipment: UpstreamShipment,
  request: UpstreamRequest,
  sts: StsClient,
): Promise<Upstream> {
  let stream = await send(shipment, request, sts);
  if (stream.status === 401) {
    stream.close();
    sts.forgetNarrowed(request.caller, request.narrowing);
    stream = await send(shipment, request, sts);
  }
  return readEventStream(stream);
}

async function send(
  { line, headers, timeoutMs }: UpstreamShipment,
  { caller, narrowing, trace, body, signal }: UpstreamRequest,
  sts: StsClient,
): Promise<SecureStream> {
  const token = await sts.narrow({ token: caller.subjectToken, claims: caller.claims }, narrowing);
  return line.streams().stream({
    method: 'POST',
    path: line.path,
    headers: {
      ...headers,
      'content-type': 'application/json',
      accept: 'text/event-stream',
      authorization: `Bearer ${token.reveal()}`,
      traceparent: formatTraceparent(trace),
    },
    body,
    timeoutMilliseconds: timeoutMs,
    signal,
  });
}
