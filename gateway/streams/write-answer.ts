import type { BodyStream, ServiceResponse } from '@aduana/core/http/route';
import type { MediaType } from '../http/media-type.ts';
import type { UnfinishedAnswer } from './deferred-answer.ts';
import { EVENT_STREAM, MULTIPART_SUBSCRIPTION, streamBody, wholeBody } from './http-clients.ts';
import { INCREMENTAL, wholeIncremental } from './incremental-parts.ts';
import type { OpenedStream } from './open-streams.ts';

const FORMATS = { event_stream: EVENT_STREAM, multipart_subscription: MULTIPART_SUBSCRIPTION } as const;

const LONG_CHARACTERS = 16_384;

/** What became of one operation. */
export interface WritableAnswer {
  readonly status: number;
  /** The JSON text. */
  readonly text: string;
  readonly stream?: OpenedStream;
  readonly unfinished?: UnfinishedAnswer;
}

/**
 * One answer: a stream or parts where the client asked for them, as a whole otherwise.
 *
 * @param finish brings what comes later
 */
export function writeAnswer(
  { status, text, stream, unfinished }: WritableAnswer,
  mediaType: MediaType,
  finish: (unfinished: UnfinishedAnswer) => BodyStream,
): ServiceResponse {
  if (unfinished !== undefined)
    return { status, headers: headersOf(INCREMENTAL), stream: finish(unfinished) };
  const format = mediaType.streams === undefined ? undefined : FORMATS[mediaType.streams];
  const isWhole = stream === undefined && (status !== 200 || mediaType.streamsOnly !== true);
  if (isWhole) return writeWhole(status, text, mediaType);
  if (format === undefined) return { status, headers: headersOf(INCREMENTAL), body: wholeIncremental(text) };
  if (stream !== undefined) return { status, headers: headersOf(format), stream: streamBody(stream, format) };
  // a query or a mutation that a client of streams sent: its one result, and the end
  return { status, headers: headersOf(format), body: wholeBody(format, text) };
}

/** A long text becomes bytes at once: while its event becomes durable, the collector need not carry its parts along. */
export function writeWhole(status: number, text: string, { contentType }: MediaType): ServiceResponse {
  const body = text.length < LONG_CHARACTERS ? text : Buffer.from(text);
  return { status, headers: { 'content-type': contentType, 'cache-control': 'no-store' }, body };
}

function headersOf({ contentType }: { readonly contentType: string }): Readonly<Record<string, string>> {
  return {
    'content-type': contentType,
    'cache-control': 'no-store',
    'x-accel-buffering': 'no', // a proxy that gathers bytes would hold messages back
  };
}
