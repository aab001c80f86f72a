import type { StreamCaller } from '../streams/stream-caller.ts';
import type { StreamEnd } from '../streams/stream-end.ts';
import { type Close, CLOSE } from './messages.ts';

export interface FreshCredentialsOptions {
  /** Another token of the same subject, or false. */
  readonly replace: (caller: StreamCaller, authorization: string) => Promise<boolean>;
  readonly isClosed: () => boolean;
  readonly onReplaced: () => void;
  readonly onRefuse: (close: Close, end: StreamEnd) => void;
}

/** Pings with credentials that wait for the one before. */
const MOST_WAITING = 10;
/** The caller has shown what does not let it go on. */
const REFUSED: StreamEnd = { reason: 'refused', code: 'UNAUTHENTICATED' };

/** Tokens that a client sends before the one that there is ends, one after the other: its streams go on under them. */
export class FreshCredentials {
  readonly #options: FreshCredentialsOptions;
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(options: FreshCredentialsOptions) {
    this.#options = options;
  }

  take(caller: StreamCaller, authorization: string): void {
    if (this.#waiting >= MOST_WAITING) {
      this.#options.onRefuse(CLOSE.tooManyPings, REFUSED);
      return;
    }
    this.#waiting += 1;
    this.#last = this.#last.then(() => this.#replace(caller, authorization));
  }

  async #replace(caller: StreamCaller, authorization: string): Promise<void> {
    const { replace, isClosed, onReplaced, onRefuse } = this.#options;
    try {
      if (isClosed()) return;
      if (await replace(caller, authorization)) onReplaced();
      else onRefuse(CLOSE.forbidden, REFUSED);
    } catch {
      onRefuse(CLOSE.unauthorized, REFUSED);
    } finally {
      this.#waiting -= 1;
    }
  }
}
