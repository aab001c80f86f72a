import type { ServerResponse } from 'node:http';
import type { BodySink } from '@aduana/core/http/route';

/** For how long the rest of an answer that has ended may take. */
const LAST_WORDS_MS = 5_000;

/** The body of a response whose head is sent. */
export function createBodySink(response: ServerResponse): BodySink {
  return {
    get waitingBytes() {
      return response.writableLength;
    },
    write(text) {
      if (!response.writableEnded && !response.destroyed) response.write(text);
    },
    end() {
      if (response.writableEnded || response.destroyed) return;
      response.end();
      response.setTimeout(LAST_WORDS_MS, () => response.destroy());
    },
    destroy() {
      response.destroy();
    },
    onClose(listener) {
      if (response.destroyed) listener();
      else response.once('close', listener);
    },
  };
}
