import { SecurityError } from '@aduana/core/errors/security-error';
import { requireAccessToken } from '@aduana/core/http/require-access-token';
import { requirePeer } from '@aduana/core/http/require-peer';
import type { Route, ServiceRequest } from '@aduana/core/http/route';
import type { VerifyAccessToken } from '@aduana/core/tokens/verify-access-token';
import type { Span } from '@aduana/core/platform/tracer';
import { tracesOf } from './traces-of.ts';
import type { Ingest } from './ingest.ts';
import { createPeerShare } from './peer-share.ts';

const MOST_LINKS = 128;
const BODY_LIMIT_BYTES = 4_194_304;
/** Five full batches: a replica has one under way, and full ones only when it is behind. */
const SHARE_BYTES = 4_194_304;

/** `POST /audit/events`: from a peer with its certificate and a token of its own for this audience; 2xx means durable. */
export function createEventsRoute(options: {
  readonly trustDomain: string;
  readonly verify: VerifyAccessToken;
  readonly ingest: Pick<Ingest, 'accept'>;
}): Route {
  const withinShare = createPeerShare(SHARE_BYTES);
  return {
    method: 'POST',
    path: '/audit/events',
    async handle(request) {
      const peer = await authenticatePeer(request, options);
      const body = await request.body(BODY_LIMIT_BYTES);
      if (request.span !== undefined) linkTraces(request.span, body);
      const accepted = await withinShare(peer, body.length, () =>
        options.ingest.accept(peer, body.toString('utf8')),
      );
      return {
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ accepted }),
      };
    },
  };
}

/** The append of several events is done for the traces of all of them. */
function linkTraces(span: Span, body: Buffer): void {
  const traces = tracesOf(body.toString('utf8'));
  if (traces.length > 1) for (const trace of traces.slice(0, MOST_LINKS)) span.link(trace);
}

/** The service that is at the other end and whose own token this is: nobody posts in another's name. */
async function authenticatePeer(
  request: ServiceRequest,
  { trustDomain, verify }: { readonly trustDomain: string; readonly verify: VerifyAccessToken },
): Promise<string> {
  const { spiffeId } = requirePeer(request, undefined);
  const verified = await requireAccessToken(request, verify, {
    bindingRequired: true,
    scopes: ['audit:events:write'],
  });
  const peer = spiffeId.slice(`spiffe://${trustDomain}/`.length);
  const { client_id: clientId, sub } = verified.claims;
  if (clientId !== peer || sub !== peer)
    throw new SecurityError('FORBIDDEN', { detail: 'the token is not the own one of this peer' });
  return peer;
}
