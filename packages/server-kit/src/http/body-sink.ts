import type { ServerResponse } from 'node:http';
import type { BodySink } from '@aduana/core/http/route';
import type { AnswerDeadlines } from './answer-deadlines.ts';

/** For how long a client may take nothing of the rest of an answer that has ended. */
const LAST_WORDS_MS = 5_000;

/** The body of a response whose head is sent. */
export function createBodySink(response: ServerResponse, deadlines: AnswerDeadlines): BodySink {
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
      deadlines.expect(response, LAST_WORDS_MS);
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
