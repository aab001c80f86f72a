import { SecurityError } from '@aduana/core/errors/security-error';
import type { Route } from '@aduana/core/http/route';
import type { Span } from '@aduana/core/platform/tracer';
import { authenticateSource, type SourceAuthority } from './authenticate-source.ts';
import type { HeldEvents } from './held-events.ts';
import type { Ingest } from './ingest.ts';
import { type BodySize, measureBody } from './measure-body.ts';
import { createPeerShare } from './peer-share.ts';
import type { SourceRate } from './source-rate.ts';
import { tracesOf } from './traces-of.ts';

const MOST_LINKS = 128;
const BODY_LIMIT_BYTES = 4_194_304;
/** Five full batches: a replica has one under way, and full ones only when it is behind. */
const SHARE_BYTES = 4_194_304;
/** 32 events of as many values as the log keeps of one; some tens of milliseconds of `JSON.parse`. */
const MOST_VALUES = 131_072;
/** Twice those of an ordinary event, and four times its bytes. */
const VALUES_OF_EVENT = 100;
const BYTES_OF_EVENT = 4096;

interface EventsRouteOptions extends SourceAuthority {
  /** The same for both routes: what is held of a service comes into the log too. */
  readonly rate: SourceRate;
}

/** `POST /audit/events`: from a peer with its certificate and a token of its own for this audience; 2xx means durable. */
export function createEventsRoute({
  ingest,
  ...options
}: EventsRouteOptions & { readonly ingest: Pick<Ingest, 'accept'> }): Route {
  return createRoute('/audit/events', 'accepted', options, (peer, body) => ingest.accept(peer, body));
}

/** `POST /audit/held-events`: the same, from the same peers; 2xx means that they are on this replica's disk until the log has them. */
export function createHeldEventsRoute({
  held,
  ...options
}: EventsRouteOptions & { readonly held: Pick<HeldEvents, 'hold'> }): Route {
  return createRoute('/audit/held-events', 'held', options, (peer, body) => held.hold(peer, body));
}

function createRoute(
  path: string,
  done: string,
  { rate, ...authority }: EventsRouteOptions,
  take: (peer: string, body: string) => Promise<number>,
): Route {
  const withinShare = createPeerShare(SHARE_BYTES);
  return {
    method: 'POST',
    path,
    async handle(request) {
      const peer = await authenticateSource(request, authority);
      rate.take(peer, 0); // before the body is read
      const body = await request.body(BODY_LIMIT_BYTES);
      const size = measureBody(body);
      if (size.values > MOST_VALUES)
        throw new SecurityError('LIMIT_VALUES_EXCEEDED', { detail: 'too many values in the events' });
      const count = await withinShare(peer, body.length, () => {
        rate.take(peer, weightOf(size, body.length));
        if (request.span !== undefined) linkTraces(request.span, body);
        return take(peer, body.toString('utf8'));
      });
      return {
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ [done]: count }),
      };
    },
  };
}

/** In events: of many values, or long, they count as more than they are. */
function weightOf({ events, values }: BodySize, bytes: number): number {
  return Math.max(events, Math.ceil(values / VALUES_OF_EVENT), Math.ceil(bytes / BYTES_OF_EVENT));
}

/** The append of several events is done for the traces of all of them. */
function linkTraces(span: Span, body: Buffer): void {
  const traces = tracesOf(body.toString('utf8'));
  if (traces.length > 1) for (const trace of traces.slice(0, MOST_LINKS)) span.link(trace);
}
