import { SecurityError } from '@aduana/core/errors/security-error';
import type { BodySink, Route, ServiceRequest, ServiceResponse } from '@aduana/core/http/route';
import type { Clock } from '@aduana/core/platform/clock';
import { every, type Repeating } from '@aduana/core/platform/every';
import { describeError } from '@aduana/core/platform/log';
import type { Platform } from '@aduana/core/platform/platform';
import { type CallerGateway, isSignedOut } from './caller-gateway.ts';
import type { ConsoleRoute } from './console-route.ts';
import { createEventFeed, type EventFeed, type EventFilter, isFinal } from './event-feed.ts';
import type { RequireSession } from './require-session.ts';
import type { Session } from './session.ts';
import { createPlaces } from './session-places.ts';

export interface StreamRouteOptions {
  readonly route: ConsoleRoute;
  readonly requireSession: RequireSession;
  readonly gateway: CallerGateway;
  readonly platform: Pick<Platform, 'clock' | 'log'>;
}

/** A stream that ended, as streams do, is opened again at once. */
const AGAIN_MS = 250;
const AWAY_MS = 2_000;
const HEARTBEAT_MS = 15_000;
/** Of all sessions together. */
export const MOST_STREAMS = 200;
const MOST_OF_ONE_SESSION = 4;
/** What a browser that reads too slowly may leave waiting; then it comes back and goes on by itself. */
const MOST_WAITING_BYTES = 4_194_304;
const FILTERS = ['actor', 'outcome', 'type', 'operation'] as const;
const LONGEST_FILTER = 256;
const OUTCOMES: readonly unknown[] = ['ALLOWED', 'PARTIAL', 'DENIED', 'FAILED', undefined];

/** `GET /requests/stream`: what is recorded, as it comes, as Server-Sent Events (HTML section 9.2). */
export function createStreamRoute(options: StreamRouteOptions): Route {
  const { route, requireSession, gateway } = options;
  const places = createPlaces(MOST_OF_ONE_SESSION, MOST_STREAMS);
  return route({ method: 'GET', path: '/requests/stream' }, 'data', async (request) => {
    const session = await requireSession(request, false);
    const feed = createEventFeed(gateway, session, readFilter(request), lastSeq(request));
    const leave = places.enter(session.id);
    return streamOf(feed, session, leave, options);
  });
}

function streamOf(
  feed: EventFeed,
  session: Session,
  leave: () => void,
  { platform }: StreamRouteOptions,
): ServiceResponse {
  return {
    status: 200,
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    },
    stream: {
      start(sink) {
        const closed = new AbortController();
        sink.onClose(() => {
          closed.abort();
        });
        const heartbeat = beatInto(sink, platform.clock);
        follow(feed, sink, session, closed.signal, platform)
          .catch((error: unknown) => {
            platform.log.error('a stream of events failed', { error: describeError(error) });
          })
          .finally(() => {
            void heartbeat.stop();
            sink.end();
            leave();
          });
      },
      cancel: leave,
    },
  };
}

function beatInto(sink: BodySink, clock: Clock): Repeating {
  const beat = async (): Promise<void> => {
    await Promise.resolve();
    sink.write(': still here\n\n');
  };
  return every(clock, () => HEARTBEAT_MS, beat, () => undefined); // prettier-ignore
}

/** Sends what is recorded, until the browser leaves or the session ends; a stream that breaks off is opened again. */
async function follow(
  feed: EventFeed,
  sink: BodySink,
  session: Session,
  closed: AbortSignal,
  { clock, log }: StreamRouteOptions['platform'],
): Promise<void> {
  const over = AbortSignal.any([closed, session.ended]);
  const send = (event: string, data: unknown, id?: string): void => {
    sink.write(`${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  const pause = (milliseconds: number): Promise<void> =>
    clock.sleep(milliseconds, over).catch(() => undefined);
  const isOver = (): boolean => over.aborted || sink.waitingBytes >= MOST_WAITING_BYTES;
  let isAway = false;
  let isOpen = false;
  sink.write('retry: 2000\n\n');
  while (!isOver()) {
    try {
      const events = await feed.open(over);
      isOpen = true;
      if (isAway) send('back', {});
      isAway = false;
      for await (const event of events) {
        send('audit', event, event.seq);
        if (isOver()) break;
      }
      await pause(AGAIN_MS);
    } catch (error) {
      if (over.aborted || isSignedOut(error)) break;
      if (isFinal(error)) {
        const missing = error.code === 'UNAUTHORIZED_FIELD_OR_TYPE' ? ['audit:events:read'] : [];
        send('refused', { code: error.code, missing });
        return;
      }
      const code = error instanceof SecurityError ? error.code : 'INTERNAL_SERVER_ERROR';
      log.debug('the log cannot be followed now', { error: describeError(error) });
      if (!isOpen && !isAway) send('away', { code });
      isAway ||= !isOpen;
      await pause(isOpen ? AGAIN_MS : AWAY_MS);
      isOpen = false;
    }
  }
  if (!closed.aborted) send('end', { code: session.ended.aborted ? 'UNAUTHENTICATED' : 'OVERLOADED' });
}

/** @throws SecurityError `BAD_REQUEST` */
function readFilter({ query }: ServiceRequest): EventFilter {
  const given = FILTERS.flatMap((name) => {
    const value = query.get(name);
    return value === null || value === '' ? [] : [[name, value] as const];
  });
  if (given.some(([, value]) => value.length > LONGEST_FILTER))
    throw new SecurityError('BAD_REQUEST', { detail: 'a filter is too long' });
  const filter: EventFilter = Object.fromEntries(given);
  if (!OUTCOMES.includes(filter.outcome))
    throw new SecurityError('BAD_REQUEST', { detail: 'no such outcome' });
  return filter;
}

function lastSeq({ headers }: ServiceRequest): number | undefined {
  const id = headers['last-event-id'];
  return typeof id === 'string' && /^\d{1,15}$/.test(id) ? Number(id) : undefined;
}
