import { SecurityError } from '@aduana/core/errors/security-error';
import type { Metrics } from '@aduana/core/platform/metrics';
import type { GatewaySettings } from '../config.ts';
import type { Caller } from '../stages.ts';
import { callerKey } from './caller-key.ts';
import { createSharedRoom } from './shared-room.ts';

/** How many streams may be open. */
export interface StreamLimits {
  /**
   * Takes a place for one stream of the caller.
   *
   * @param bytes what is kept in memory of its request while it is open
   * @returns gives the place back
   * @throws SecurityError `STREAMS_LIMITED` or `OVERLOADED`, with when to try again
   */
  take(caller: Caller, bytes: number): () => void;
  /** The same for a connection over which streams may be opened. */
  connect(caller: Caller): () => void;
}

const RETRY_AFTER_SECONDS = 5;
/** For the requests of all open streams: of one caller alone, half of it at most. */
const REQUEST_BYTES = 67_108_864;

type Settings = Pick<GatewaySettings, 'LIMIT_STREAMS_PER_CALLER' | 'LIMIT_STREAMS'>;

/** Counts open streams, and connections for them, of each caller (issuer and subject) and in all. */
export function createStreamLimits(settings: Settings, metrics: Metrics): StreamLimits {
  const refused = metrics.counter('aduana_streams_refused_total');
  const onRefuse = (limit: string): void => {
    refused.inc({ limit });
  };
  const streams = createPlaces(settings, onRefuse);
  const connections = createPlaces(settings, onRefuse);
  metrics.gauge('aduana_streams_open', (gauge) => {
    gauge.set(streams.open());
  });
  return { take: streams.take, connect: (caller) => connections.take(caller, 0) };
}

function createPlaces(
  { LIMIT_STREAMS_PER_CALLER: perCaller, LIMIT_STREAMS: inAll }: Settings,
  onRefuse: (limit: 'caller' | 'all') => void,
) {
  const taken = new Map<string, number>();
  const requests = createSharedRoom(REQUEST_BYTES);
  let open = 0;
  const refuse = (limit: 'caller' | 'all', code: 'STREAMS_LIMITED' | 'OVERLOADED'): never => {
    onRefuse(limit);
    throw new SecurityError(code, { retryAfterSeconds: RETRY_AFTER_SECONDS, detail: 'streams' });
  };
  const leave = (key: string): void => {
    open -= 1;
    const rest = (taken.get(key) ?? 1) - 1;
    if (rest === 0) taken.delete(key);
    else taken.set(key, rest);
  };
  return {
    open: () => open,
    take(caller: Caller, bytes: number): () => void {
      const key = callerKey(caller);
      const own = taken.get(key) ?? 0;
      if (perCaller !== 'off' && own >= perCaller) refuse('caller', 'STREAMS_LIMITED');
      if (inAll !== 'off' && open >= inAll) refuse('all', 'OVERLOADED');
      if (!requests.take(key, bytes)) refuse('caller', 'STREAMS_LIMITED');
      taken.set(key, own + 1);
      open += 1;
      let left = false;
      return () => {
        if (left) return;
        left = true;
        leave(key);
        requests.give(key, bytes);
      };
    },
  };
}
