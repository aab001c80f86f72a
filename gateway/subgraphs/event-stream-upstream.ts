import type { Code } from '@aduana/core/errors/error-codes';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { SecureStream } from '@aduana/core/mtls-client/secure-client';
import { createEventReader, type StreamedEvent } from '@aduana/core/wire/event-stream';
import type { Clock } from '@aduana/core/platform/clock';
import type { HeldBytes } from '../limits/held-bytes.ts';
import { parsedBytes } from '../limits/parsed-bytes.ts';
import { createSecondCounter } from './count-per-second.ts';
import type { ResponseRoom } from './subgraph-connection.ts';
import type { Upstream, UpstreamListener } from './upstream.ts';

/** Of one event of a subgraph, whatever it comes over. */
export const MOST_EVENT_BYTES = 8_388_608;

/** Comments, and lines that belong to no event: each takes its time, and says nothing. */
const MOST_IDLE_LINES_PER_SECOND = 100;

/**
 * A subgraph's stream of server-sent events (graphql-sse, distinct connections).
 *
 * @param answers where an event that is not whole takes room
 * @throws SecurityError `SUBGRAPH_UNAVAILABLE` or `SUBGRAPH_ERROR` for an answer that is none
 */
export function readEventStream(stream: SecureStream, answers: ResponseRoom, clock: Clock): Upstream {
  const { status, headers } = stream;
  if (status !== 200 || !/^text\/event-stream\s*(;|$)/i.test(headers['content-type'] ?? '')) {
    stream.close();
    throw new SecurityError(status >= 500 ? 'SUBGRAPH_UNAVAILABLE' : 'SUBGRAPH_ERROR', {
      detail: `status ${String(status)} and no event stream`,
    });
  }
  const areFewIdle = createSecondCounter(clock, MOST_IDLE_LINES_PER_SECOND);
  const state = { isOver: false, held: answers.hold(), areFewIdle };
  const close = (): void => {
    state.isOver = true;
    state.held.release();
    stream.close();
  };
  return {
    start(listener) {
      start(stream, state, { listener, close, onNoRoom: answers.onRefuse });
    },
    pause: () => {
      stream.pause();
    },
    resume: () => {
      stream.resume();
    },
    close,
  };
}

interface StreamState {
  readonly isOver: boolean;
  /** By the event that is not whole yet. */
  readonly held: HeldBytes;
  readonly areFewIdle: (more: number) => boolean;
}

function start(
  stream: SecureStream,
  state: StreamState,
  {
    listener,
    close,
    onNoRoom,
  }: {
    readonly listener: UpstreamListener;
    readonly close: () => void;
    readonly onNoRoom: ResponseRoom['onRefuse'];
  },
): void {
  const isOver = (): boolean => state.isOver; // which a report changes
  const end = (report: () => void): void => {
    if (state.isOver) return;
    close();
    report();
  };
  const fail = (code: Code, detail: string): void => {
    end(() => {
      listener.onFailure(code, detail);
    });
  };
  const onEvent = ({ event, data }: StreamedEvent): void => {
    if (state.isOver) return;
    if (event === 'complete')
      end(() => {
        listener.onComplete();
      });
    else if (event !== 'next') fail('SUBGRAPH_ERROR', 'an event of an unknown name');
    else {
      const result = parseResult(data);
      if (result === undefined) fail('SUBGRAPH_ERROR', 'an event that is no JSON');
      else listener.onResult(result, data.length + parsedBytes(data));
    }
  };
  const reader = createEventReader(MOST_EVENT_BYTES, onEvent);
  stream.read({
    onData(chunk) {
      if (state.isOver) return;
      const { idleLines } = reader;
      try {
        reader.read(chunk);
        if (!state.areFewIdle(reader.idleLines - idleLines))
          fail('SUBGRAPH_ERROR', 'too many lines that are no event');
      } catch (error) {
        // thrown out of here, it would end the process
        fail('SUBGRAPH_ERROR', error instanceof Error ? error.message : String(error));
      }
      if (isOver() || state.held.set(reader.held)) return;
      onNoRoom();
      fail('OVERLOADED', 'there is no room for its events');
    },
    onEnd(error) {
      fail('SUBGRAPH_UNAVAILABLE', error?.message ?? 'the stream ended without `complete`');
    },
  });
}

function parseResult(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
