import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { IncomingRequest } from '@aduana/core/http/incoming-request';
import { createBodySink } from './body-sink.ts';
import type { AnswerDeadlines } from './answer-deadlines.ts';
import type { QueuedResponses } from './queued-responses.ts';
import type { RequestTelemetry } from './request-telemetry.ts';
import type { Router } from './router.ts';

/** What may still come of a refused body, so that a client that sends before it listens gets its answer. */
const DUMP_LIMIT_BYTES = 16_777_216;
const TOO_SLOW = 408;

/** Lets a router answer a request, and writes its answer. */
export async function answerRequest(
  router: Router,
  request: IncomingRequest,
  message: IncomingMessage,
  response: ServerResponse,
  {
    longestStallMilliseconds,
    deadlines,
    endsConnection,
    telemetry,
    queued,
  }: {
    readonly deadlines: AnswerDeadlines;
    readonly telemetry: RequestTelemetry;
    readonly queued: QueuedResponses;
    readonly longestStallMilliseconds: number;
    readonly endsConnection: (message: IncomingMessage) => boolean;
  },
): Promise<void> {
  queued.follow(message, response);
  const startedAt = telemetry.start(request);
  const answered = await router(request);
  const { status, headers, body, stream, onSent } = answered;
  telemetry.end(startedAt, request, answered);
  request.release();
  if (response.destroyed) {
    stream?.cancel();
    onSent?.();
    return;
  }
  if (onSent !== undefined) response.once('close', onSent);
  const head: OutgoingHttpHeaders = {
    'x-content-type-options': 'nosniff',
    ...(headers as OutgoingHttpHeaders),
  };
  const mayBeDumped =
    message.complete || Number(message.headers['content-length'] ?? Infinity) <= DUMP_LIMIT_BYTES;
  const hasBody =
    message.headers['content-length'] !== undefined || message.headers['transfer-encoding'] !== undefined;
  const tooSlow = status === TOO_SLOW && !message.complete;
  if ((hasBody && !mayBeDumped) || tooSlow || endsConnection(message)) head['connection'] = 'close';
  if (stream !== undefined) {
    response.writeHead(status, head).flushHeaders();
    stream.start(createBodySink(response, deadlines));
    return;
  }
  const bytes = body === undefined ? 0 : typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  head['content-length'] = bytes;
  response.writeHead(status, head);
  if (body === undefined || request.method === 'HEAD') response.end();
  else response.end(body, bytes === body.length ? 'latin1' : 'utf8'); // as many bytes as characters: ASCII, which is copied
  if (response.writableLength > 0) response.setTimeout(longestStallMilliseconds);
  deadlines.expect(response, longestStallMilliseconds);
}
