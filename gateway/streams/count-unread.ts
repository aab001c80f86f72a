import type { BodyStream, ServiceResponse } from '@aduana/core/http/route';
import type { UnreadAnswer } from '../limits/caller-limits.ts';

/**
 * The same answer, which takes room in memory until its client has read it or has left.
 *
 * @param leave gives the place of its operation back then
 * @throws SecurityError `CONCURRENCY_LIMITED` where there is no room for it
 */
export function countUnread(
  response: ServiceResponse,
  unread: UnreadAnswer,
  leave: () => void,
): ServiceResponse {
  const { body, stream } = response;
  if (body !== undefined) unread.begin(body.length);
  return {
    ...response,
    ...(stream === undefined ? {} : { stream: countWaiting(stream, unread) }),
    onSent: () => {
      leave();
      unread.release();
    },
  };
}

/** Of a caller who reads too little of all its answers, every stream counts as one that is not read. */
function countWaiting(body: BodyStream, unread: UnreadAnswer): BodyStream {
  return {
    start(sink) {
      body.start({
        get waitingBytes() {
          return sink.waitingBytes > 0 && unread.isTooMuch ? Infinity : sink.waitingBytes;
        },
        write(text) {
          sink.write(text);
          unread.set(sink.waitingBytes);
        },
        end: () => {
          sink.end();
        },
        destroy: () => {
          sink.destroy();
        },
        onClose: (listener) => {
          sink.onClose(listener);
        },
      });
    },
    cancel: () => {
      body.cancel();
    },
  };
}
