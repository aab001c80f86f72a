import { createBodyBudget } from '@aduana/core/http/body-budget';
import type { Clock } from '@aduana/core/platform/clock';

/** What the messages of all connections may take together. */
export interface MessageRooms {
  /** @param owner whose connection it is: no owner has more than half of what there is */
  open(owner: string): MessageRoom;
}

/** One connection's part of it. */
export interface MessageRoom {
  /** Counts bytes that have arrived; false where there is no room for them. */
  arrive(bytes: number): boolean;
  /** What has arrived was a whole message. */
  complete(): void;
  /**
   * Keeps room for a message while it is carried out.
   *
   * @returns gives it back
   * @throws SecurityError `CONCURRENCY_LIMITED` or `OVERLOADED`
   */
  hold(bytes: number): () => void;
  /** Whether one message has been arriving for too long. */
  readonly isOverdue: boolean;
  close(): void;
}

export interface MessageRoomsOptions {
  readonly clock: Clock;
  /** Of the largest message. */
  readonly messageBytes: number;
  readonly totalBytes: number;
}

/** What a single read may bring: small messages are not counted before they are whole. */
const UNCOUNTED_BYTES = 65_536;
const LONGEST_ARRIVAL_MS = 20_000;
/** For which a client may take nothing of what waits for it. */
const LONGEST_STALL_MS = 30_000;
/** Before anybody is admitted: credentials. */
const MOST_UNADMITTED_BYTES = 65_536;

/**
 * Counts the bytes of the connection, not those of its messages: a fragment of one byte keeps all in memory that was read
 * together with it.
 */
export function createMessageRooms({ clock, messageBytes, totalBytes }: MessageRoomsOptions): MessageRooms {
  const budget = createBodyBudget({ clock, totalBytes });
  const take = (bytes: number, owner: string): boolean => {
    try {
      budget.take(bytes, owner);
      return true;
    } catch {
      return false;
    }
  };
  return {
    open(owner) {
      let arriving = 0;
      let counted = 0;
      let countedSince = 0;
      let isClosed = false;
      const complete = (): void => {
        if (counted > 0) budget.give(counted, owner);
        arriving = 0;
        counted = 0;
      };
      return {
        arrive(bytes) {
          arriving += bytes;
          if (isClosed) return arriving <= UNCOUNTED_BYTES; // said before the client knew
          if (arriving > messageBytes + UNCOUNTED_BYTES) return false;
          const due = arriving - UNCOUNTED_BYTES - counted;
          if (due <= 0) return true;
          if (!take(due, owner)) return false;
          if (counted === 0) countedSince = clock.monotonic();
          counted += due;
          return true;
        },
        complete,
        hold(bytes) {
          budget.take(bytes, owner);
          return () => {
            budget.give(bytes, owner);
          };
        },
        get isOverdue() {
          return counted > 0 && clock.monotonic() - countedSince >= LONGEST_ARRIVAL_MS;
        },
        close() {
          isClosed = true;
          complete();
        },
      };
    },
  };
}

/** That of a connection over which nobody has been admitted: no message is gathered for long before it is known whose. */
export function roomOfNobody(): MessageRoom {
  let bytes = 0;
  return {
    arrive: (more) => (bytes += more) <= MOST_UNADMITTED_BYTES,
    complete: () => undefined,
    hold: () => () => undefined,
    isOverdue: false,
    close: () => undefined,
  };
}

/** Tells, when asked now and then, whether a client has taken nothing for too long, whatever it says meanwhile. */
export function watchStall(socket: { readonly bufferedAmount: number }, clock: Clock): () => boolean {
  let waiting = 0;
  let takenAt = clock.monotonic();
  return () => {
    const { bufferedAmount } = socket;
    if (bufferedAmount === 0 || bufferedAmount < waiting) takenAt = clock.monotonic();
    waiting = bufferedAmount;
    return clock.monotonic() - takenAt > LONGEST_STALL_MS;
  };
}
