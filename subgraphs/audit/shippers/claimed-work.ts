import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';
import { every, type Repeating } from '@aduana/core/platform/every';
import { jitter } from '@aduana/core/platform/ids';
import { describeError, type Log } from '@aduana/core/platform/log';
import { within } from '@aduana/core/platform/within';
import { RetryableError } from './http-transport.ts';
import { LEASE_MS, type SinkCursors } from './sink-cursors.ts';
import type { StreamCursor } from './stream-record.ts';

/** What one claim to a sink is worked with. */
export interface Claim {
  readonly cursor: StreamCursor;
  /** Aborted when the work is to end, or another replica has the claim. */
  readonly signal: AbortSignal;
  /** Says that the receiver has taken something: the next failure waits briefly again. */
  readonly progressed: () => void;
}

export interface ClaimedWorkOptions {
  readonly name: string;
  readonly cursors: SinkCursors;
  readonly clock: Clock;
  readonly log: Log;
  /** Works from a cursor on until the signal aborts; what it throws is tried again after a pause. */
  readonly work: (claim: Claim) => Promise<void>;
}

const CLAIM_PAUSE_MS = 5000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
const STOP_DEADLINE_MS = 3000;
/** Characters: a receiver may have written some of it. */
const LONGEST_ERROR = 500;

/** Brings something to one receiver, by one replica at a time, and again after each failure with pauses that grow to 30 s. */
export class ClaimedWork {
  readonly #options: ClaimedWorkOptions;
  readonly #stopped = new AbortController();
  readonly #running: Promise<void>;
  #lastError: string | undefined;

  constructor(options: ClaimedWorkOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** What keeps the receiver from taking anything; undefined while it does. */
  get lastError(): string | undefined {
    return this.#lastError;
  }

  /** Ends within seconds, whatever the receiver does: whoever claims next goes on from the cursor. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    const late = (): Error => new Error('the work does not end');
    await within(this.#options.clock, STOP_DEADLINE_MS, late, () => this.#running).catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { name, cursors, log } = this.#options;
    let pause = FIRST_PAUSE_MS;
    while (!this.#isStopped()) {
      try {
        const cursor = await cursors.claim(name);
        if (cursor === undefined) {
          this.#lastError = undefined; // whoever has the claim tells how it goes
          await this.#sleep(CLAIM_PAUSE_MS);
        } else await this.#workOn(cursor, () => (pause = FIRST_PAUSE_MS));
      } catch (error) {
        if (this.#isStopped()) break;
        if (this.#lastError === undefined)
          log.warn('a sink does not take events', { sink: name, error: describeError(error) });
        this.#lastError = messageOf(error);
        const asked = error instanceof RetryableError ? error.retryAfterMilliseconds : 0;
        await this.#sleep(Math.max(pause * jitter(0.2), asked));
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      }
    }
    await cursors.release(name).catch(() => undefined);
  }

  async #workOn(cursor: StreamCursor, onProgress: () => void): Promise<void> {
    const { name, log, work } = this.#options;
    const lost = new AbortController();
    const keeping = this.#keepClaim(() => {
      lost.abort();
    });
    try {
      await work({
        cursor,
        signal: AbortSignal.any([this.#stopped.signal, lost.signal]),
        progressed: () => {
          onProgress();
          if (this.#lastError !== undefined) log.info('a sink takes events again', { sink: name });
          this.#lastError = undefined;
        },
      });
    } finally {
      await keeping.stop();
    }
  }

  /** A receiver may take longer than a claim lasts: it is kept meanwhile. */
  #keepClaim(onLost: () => void): Repeating {
    const { name, cursors, clock, log } = this.#options;
    return every(
      clock,
      () => LEASE_MS / 3,
      async () => {
        if (!(await cursors.keep(name))) onLost();
      },
      (error) => {
        log.debug('the claim to a sink is not kept', { sink: name, error: describeError(error) });
      },
    );
  }

  #isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  async #sleep(milliseconds: number): Promise<void> {
    await this.#options.clock.sleep(milliseconds, this.#stopped.signal).catch(() => undefined);
  }
}

/** A code's own text says little to operators. */
function messageOf(error: unknown): string {
  const text =
    error instanceof SecurityError
      ? (error.detail ?? error.message)
      : error instanceof Error
        ? error.message
        : String(error);
  return text.slice(0, LONGEST_ERROR);
}
