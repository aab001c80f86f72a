import { SecurityError } from '@aduana/core/errors/security-error';
import type { SecureStream } from '@aduana/core/mtls-client/secure-client';
import { createEventReader, type StreamedEvent } from '@aduana/core/wire/event-stream';
import type { Upstream, UpstreamListener } from './upstream.ts';

/** Of one event of a subgraph, whatever it comes over. */
export const MOST_EVENT_BYTES = 8_388_608;

/**
 * A subgraph's stream of server-sent events (graphql-sse, distinct connections).
 *
 * @throws SecurityError `SUBGRAPH_UNAVAILABLE` or `SUBGRAPH_ERROR` for an answer that is none
 */
export function readEventStream(stream: SecureStream): Upstream {
  const { status, headers } = stream;
  if (status !== 200 || !/^text\/event-stream\s*(;|$)/i.test(headers['content-type'] ?? '')) {
    stream.close();
    throw new SecurityError(status >= 500 ? 'SUBGRAPH_UNAVAILABLE' : 'SUBGRAPH_ERROR', {
      detail: `status ${String(status)} and no event stream`,
    });
  }
  return {
    start(listener) {
      start(stream, listener);
    },
    pause: () => {
      stream.pause();
    },
    resume: () => {
      stream.resume();
    },
    close: () => {
      stream.close();
    },
  };
}

function start(stream: SecureStream, listener: UpstreamListener): void {
  let isOver = false;
  const end = (report: () => void): void => {
    if (isOver) return;
    isOver = true;
    stream.close();
    report();
  };
  const fail = (code: 'SUBGRAPH_ERROR' | 'SUBGRAPH_UNAVAILABLE', detail: string): void => {
    end(() => {
      listener.onFailure(code, detail);
    });
  };
  const onEvent = ({ event, data }: StreamedEvent): void => {
    if (isOver) return;
    if (event === 'complete')
      end(() => {
        listener.onComplete();
      });
    else if (event !== 'next') fail('SUBGRAPH_ERROR', 'an event of an unknown name');
    else {
      const result = parseResult(data);
      if (result === undefined) fail('SUBGRAPH_ERROR', 'an event that is no JSON');
      else listener.onResult(result, data.length);
    }
  };
  const reader = createEventReader(MOST_EVENT_BYTES, onEvent);
  stream.read({
    onData(chunk) {
      if (isOver) return;
      try {
        reader.read(chunk);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        fail('SUBGRAPH_ERROR', error.message);
      }
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
