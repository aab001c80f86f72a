import type { Worker } from 'node:worker_threads';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock, Timer } from '@aduana/core/platform/clock';
import { describeError, type Log } from '@aduana/core/platform/log';
import type { Account } from '../limits/miss-budget.ts';
import { createFairQueue } from './fair-queue.ts';
import type { ThreadAnswer, ThreadJob, ThreadReady, ThreadSchemas } from './thread-messages.ts';
import { type PromiseWithResolvers, withResolvers } from './with-resolvers.ts';

export interface ThreadPoolOptions {
  readonly threads: number;
  /** @param sendsSchemas of the first one alone */
  readonly start: (sendsSchemas: boolean) => Worker;
  /** A job that takes longer ends its thread. */
  readonly jobMilliseconds: number;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Threads that carry out jobs, one at a time each; one that dies, hangs or needs too much memory is replaced. Beside jobs that
 * take long there is one more thread for what others ask: their owners have no other job meanwhile.
 */
export interface ThreadPool {
  /**
   * Starts the first thread.
   *
   * @throws SecurityError `SUPERGRAPH_INVALID` where it cannot load what it is for
   */
  open(): Promise<ThreadSchemas>;
  /**
   * @throws SecurityError what the job throws; `RATE_LIMITED` or `OVERLOADED` where too many wait, `LIMIT_PLANNING_EXCEEDED`
   *   where it takes the thread's time or memory
   */
  run(job: ThreadJob, account?: Account): Promise<unknown>;
  /** Ends the threads once nothing waits; what is asked later still gets one. */
  retire(): void;
  close(): Promise<void>;
}

interface Waiting {
  readonly job: ThreadJob;
  readonly account: Account | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Thread {
  readonly worker: Worker;
  state: 'starting' | 'idle' | 'busy' | 'ended';
  /** Its job takes so long that others do not wait for it. */
  isSlow: boolean;
  waiting: Waiting | undefined;
  startedAt: number;
  timer: Timer | undefined;
}

const START_MILLISECONDS = 120_000;
const WAITING = { perOwner: 100, inAll: 2_000 } as const;
const RETRY_AFTER_SECONDS = 1;
/** Of the time that a job may take: after this part others do not wait for it. */
const SLOW_PART = 0.1;
/** Of what nobody pays for. */
const OWN = '';

export function createThreadPool(options: ThreadPoolOptions): ThreadPool {
  return new Pool(options);
}

class Pool implements ThreadPool {
  readonly #options: ThreadPoolOptions;
  readonly #threads = new Set<Thread>();
  readonly #queue = createFairQueue<Waiting>(WAITING);
  #opening: PromiseWithResolvers<ThreadSchemas> | undefined;
  #retired = false;
  #closed = false;

  constructor(options: ThreadPoolOptions) {
    this.#options = options;
  }

  open(): Promise<ThreadSchemas> {
    this.#opening = withResolvers<ThreadSchemas>();
    this.#start();
    return this.#opening.promise;
  }

  run(job: ThreadJob, account?: Account): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const verdict = this.#closed
        ? 'full'
        : this.#queue.add(account?.owner ?? OWN, { job, account, resolve, reject });
      if (verdict === 'added') this.#assign();
      else
        reject(
          new SecurityError(verdict === 'full' ? 'OVERLOADED' : 'RATE_LIMITED', {
            detail: 'too much waits to be validated and planned',
            retryAfterSeconds: RETRY_AFTER_SECONDS,
          }),
        );
    });
  }

  retire(): void {
    this.#retired = true;
    for (const thread of this.#threads) if (thread.state === 'idle') this.#end(thread);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const error = new SecurityError('OVERLOADED', { detail: 'the gateway stops' });
    this.#refuseAll(error);
    const threads = [...this.#threads];
    for (const thread of threads) this.#end(thread)?.reject(error);
    this.#opening?.reject(error);
    await Promise.all(threads.map(({ worker }) => worker.terminate()));
  }

  #start(): void {
    const { start, clock } = this.#options;
    const worker = start(this.#opening !== undefined);
    const thread: Thread = {
      worker,
      state: 'starting',
      isSlow: false,
      waiting: undefined,
      startedAt: clock.monotonic(),
      timer: clock.after(START_MILLISECONDS, () => {
        this.#lose(thread, new Error('it does not start'));
      }),
    };
    this.#threads.add(thread);
    worker.on('message', (message: ThreadReady | ThreadAnswer) => {
      if (thread.state === 'starting') this.#begin(thread, message as ThreadReady);
      else if (thread.state === 'busy') this.#finish(thread, message as ThreadAnswer);
    });
    worker.on('error', (error) => {
      this.#lose(thread, error);
    });
    worker.on('exit', () => {
      this.#lose(thread, new Error('it ended'));
    });
  }

  #begin(thread: Thread, message: ThreadReady): void {
    if (message.kind === 'failed') {
      this.#lose(thread, new SecurityError(message.code ?? 'SUPERGRAPH_INVALID', { detail: message.detail }));
      return;
    }
    if (message.schemas !== undefined) this.#opening?.resolve(message.schemas);
    this.#opening = undefined;
    this.#rest(thread);
  }

  #rest(thread: Thread): void {
    thread.timer?.cancel();
    thread.state = 'idle';
    thread.isSlow = false;
    this.#assign();
    this.#endSurplus();
  }

  /** Ends idle threads that nobody needs: all of them after the last job of a retired pool, else those beyond the most. */
  #endSurplus(): void {
    const wanted = !this.#retired || this.#queue.size > 0 ? this.#most : 0;
    const ready = (): number => [...this.#threads].filter(({ state }) => state !== 'starting').length;
    for (const thread of this.#threads) if (thread.state === 'idle' && ready() > wanted) this.#end(thread);
  }

  get #slow(): readonly Thread[] {
    return [...this.#threads].filter(({ isSlow }) => isSlow);
  }

  get #most(): number {
    return this.#options.threads + (this.#slow.length > 0 ? 1 : 0);
  }

  /** Hands what waits to threads that are idle, and starts one where there may be one more. */
  #assign(): void {
    const may = (owner: string): boolean => this.#slow.every(({ waiting }) => ownerOf(waiting) !== owner);
    for (const thread of this.#threads)
      while (thread.state === 'idle') {
        const next = this.#queue.next(may);
        if (next === undefined) break;
        this.#give(thread, next);
      }
    const isStarting = [...this.#threads].some(({ state }) => state === 'starting');
    if (!isStarting && this.#threads.size < this.#most && this.#queue.has(may)) this.#start();
  }

  #give(thread: Thread, waiting: Waiting): void {
    try {
      waiting.account?.require(); // it may have spent all since it began to wait
    } catch (error) {
      waiting.reject(error);
      return;
    }
    const { clock, jobMilliseconds } = this.#options;
    thread.state = 'busy';
    thread.waiting = waiting;
    thread.startedAt = clock.monotonic();
    thread.timer = clock.after(jobMilliseconds * SLOW_PART, () => {
      thread.isSlow = true;
      thread.timer = clock.after(jobMilliseconds * (1 - SLOW_PART), () => {
        this.#lose(thread, new Error(`a job took longer than ${String(jobMilliseconds)} ms`));
      });
      this.#assign();
    });
    thread.worker.postMessage(waiting.job);
  }

  #finish(thread: Thread, answer: ThreadAnswer): void {
    const { waiting } = thread;
    thread.waiting = undefined;
    waiting?.account?.charge(answer.milliseconds);
    if (answer.kind === 'done') waiting?.resolve(answer.value);
    else {
      const { code, detail } = answer;
      waiting?.reject(code === undefined ? new Error(detail) : new SecurityError(code, { detail }));
    }
    this.#rest(thread);
  }

  /** The job that it was at is the likely reason: it is refused and paid for; all others wait for the next thread. */
  #lose(thread: Thread, error: unknown): void {
    if (thread.state === 'ended') return;
    const { clock, log } = this.#options;
    const wasStarting = thread.state === 'starting';
    const waiting = this.#end(thread);
    if (wasStarting) {
      this.#failStart(error);
      return;
    }
    log.error('a planning thread ended and is replaced', { error: describeError(error) });
    waiting?.account?.charge(clock.monotonic() - thread.startedAt);
    waiting?.reject(
      new SecurityError('LIMIT_PLANNING_EXCEEDED', { detail: 'its thread ended', cause: error }),
    );
    const isWanted = waiting !== undefined && !this.#retired && this.#threads.size < this.#options.threads;
    if (isWanted && !this.#closed) this.#start();
    this.#assign();
  }

  #failStart(error: unknown): void {
    const detail = error instanceof Error ? error.message : 'The planning thread does not start';
    const refused =
      error instanceof SecurityError
        ? error
        : new SecurityError('SUPERGRAPH_INVALID', { detail, cause: error });
    if (this.#opening !== undefined) {
      this.#opening.reject(refused);
      return;
    }
    this.#options.log.error('a planning thread does not start', { error: describeError(error) });
    if (this.#threads.size === 0)
      this.#refuseAll(new SecurityError('OVERLOADED', { detail, retryAfterSeconds: RETRY_AFTER_SECONDS }));
  }

  #refuseAll(error: SecurityError): void {
    for (let next = this.#queue.next(); next !== undefined; next = this.#queue.next()) next.reject(error);
  }

  #end(thread: Thread): Waiting | undefined {
    const { waiting } = thread;
    thread.state = 'ended';
    thread.waiting = undefined;
    thread.timer?.cancel();
    this.#threads.delete(thread);
    void thread.worker.terminate();
    return waiting;
  }
}

function ownerOf(waiting: Waiting | undefined): string | undefined {
  return waiting && (waiting.account?.owner ?? OWN);
}
