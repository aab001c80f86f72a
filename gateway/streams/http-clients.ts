import type { BodySink, BodyStream } from '@aduana/core/http/route';
import { formatEvent } from '@aduana/core/wire/event-stream';
import { errorResult } from './error-result.ts';
import type { OpenedStream } from './open-streams.ts';
import type { StreamEnd } from './stream-end.ts';
import type { StreamClient } from './subscriber.ts';

/** The form of results in the body of an answer. */
export interface StreamFormat {
  readonly contentType: string;
  /** What the body begins with. */
  readonly opening: string;
  next(text: string): string;
  readonly heartbeat: string;
  /** The end; with an error's text where there is one. */
  end(end: StreamEnd, error: string | undefined): string;
}

const RECONNECT_AFTER_MS = 1_000;

/** Server-sent events, distinct connections (graphql-sse, PROTOCOL): `next` and `complete` alone. */
export const EVENT_STREAM: StreamFormat = {
  contentType: 'text/event-stream; charset=utf-8',
  opening: ':\n\n',
  next: (text) => formatEvent('next', text),
  heartbeat: ':\n\n',
  end({ reason }, error) {
    if (reason === 'drain') return `retry: ${String(RECONNECT_AFTER_MS)}\n\n`; // without `complete` clients come again
    const last = error === undefined ? '' : formatEvent('next', error);
    return `${last}${formatEvent('complete', '')}`;
  },
};

const PART = '\r\nContent-Type: application/json; charset=utf-8\r\n\r\n';
const BOUNDARY = 'graphql';

/** `multipart/mixed;subscriptionSpec="1.0"`, as Apollo Client reads it: each part ends with the next boundary. */
export const MULTIPART_SUBSCRIPTION: StreamFormat = {
  contentType: `multipart/mixed;boundary="${BOUNDARY}";subscriptionSpec="1.0"`,
  opening: `\r\n--${BOUNDARY}`,
  next: (text) => `${PART}{"payload":${text}}\r\n--${BOUNDARY}`,
  heartbeat: `${PART}{}\r\n--${BOUNDARY}`,
  end({ reason }, error) {
    if (reason === 'drain') return '';
    const { errors } = JSON.parse(error ?? '{}') as { errors?: unknown };
    const last =
      errors === undefined
        ? ''
        : `${PART}{"payload":null,"errors":${JSON.stringify(errors)}}\r\n--${BOUNDARY}`;
    return `${last}--\r\n`;
  },
};

/** A body of one result. */
export function wholeBody({ opening, next, end }: StreamFormat, text: string): string {
  return `${opening}${next(text)}${end({ reason: 'complete', code: undefined }, undefined)}`;
}

/** The body of the answer that brings a stream to its client. */
export function streamBody(opened: OpenedStream, format: StreamFormat): BodyStream {
  return {
    start(sink) {
      sink.write(format.opening);
      const leave = opened.attach(createClient(sink, format));
      sink.onClose(() => {
        leave();
      });
    },
    cancel: () => {
      opened.cancel();
    },
  };
}

function createClient(sink: BodySink, format: StreamFormat): StreamClient {
  return {
    showsAuditId: false,
    get waitingBytes() {
      return sink.waitingBytes;
    },
    next: (text) => {
      sink.write(format.next(text));
    },
    heartbeat: () => {
      sink.write(format.heartbeat);
    },
    end(end) {
      sink.write(format.end(end, errorResult(end)));
      sink.end();
    },
  };
}
