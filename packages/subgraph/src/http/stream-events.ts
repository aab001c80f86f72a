import type { ServerResponse } from 'node:http';
import { formatEvent } from '@aduana/core/wire/event-stream';
import type { GraphQLFormattedError } from 'graphql';

/** One result of a subscription, as it is sent. */
export interface StreamedResult {
  readonly data?: unknown;
  readonly errors?: readonly GraphQLFormattedError[];
}

/** How a stream is kept open. */
export interface StreamEventsOptions {
  /** How often a comment is sent, so that no proxy closes the connection as idle (seconds, default 15). */
  readonly heartbeatSeconds?: number;
}

/**
 * Answers an admitted request with the results of a subscription, as server-sent events (graphql-sse, distinct
 * connections). Resolves when the results are over or the client has left; then the results are ended too.
 *
 * @throws the error of the results, after the connection has been closed
 *
 * @example
 * const results = await subscribe({ schema, document, contextValue: { token } });
 * await streamEvents(response, results);
 */
export async function streamEvents(
  response: ServerResponse,
  results: AsyncGenerator<StreamedResult>,
  { heartbeatSeconds = 15 }: StreamEventsOptions = {},
): Promise<void> {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
  });
  response.write(':\n\n');
  const heartbeat = setInterval(() => response.write(':\n\n'), heartbeatSeconds * 1000);
  heartbeat.unref();
  response.once('close', () => {
    clearInterval(heartbeat);
    void results.return(undefined);
  });
  try {
    for await (const result of results) {
      if (response.destroyed) return;
      if (!response.write(formatEvent('next', JSON.stringify(result)))) await drained(response);
    }
    response.end(formatEvent('complete', ''));
  } catch (error) {
    response.destroy();
    throw error;
  } finally {
    clearInterval(heartbeat);
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.once('drain', done).once('close', done);
  });
}
