import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher, Pool } from 'undici';
import type { Code } from '../errors/error-codes.ts';
import type { CancelSignal } from '../platform/cancellation.ts';
import { CallError, type CallFailure } from './call-error.ts';
import type { Deadlines, Pending } from './deadlines.ts';
import { describeConnectionFailure } from './describe-connection-failure.ts';
import type { SecureRequest, SecureResponse } from './secure-peer.ts';

/** What bounds one call, and the code that it fails with. */
export interface CallRules {
  readonly deadlines: Deadlines;
  /** On the monotonic clock. */
  readonly deadline: number;
  readonly failureCode: Code;
  readonly origin: string;
}

/** Sends one request over a pool and collects its bounded answer. */
export function sendRequest(pool: Pool, request: SecureRequest, rules: CallRules): Promise<SecureResponse> {
  return new Promise((resolve, reject) => {
    const { method, path, headers, body } = request;
    const message = {
      method,
      path,
      ...(headers === undefined ? {} : { headers }),
      ...(body === undefined ? {} : { body }),
    };
    const send = (): void => void pool.dispatch(message, collector);
    const collector = new AnswerCollector(request, rules, { resolve, reject, send });
    if (request.signal?.aborted === true) {
      collector.abandon('abandoned', 'the call was abandoned by its caller');
      return;
    }
    rules.deadlines.add(collector);
    send();
  });
}

/** How a connection ends that the other side has closed, such as one that was kept too long. */
const CLOSED: ReadonlySet<string | undefined> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

const RETRY_AFTER_SECONDS = 1;

interface Outcome {
  readonly resolve: (response: SecureResponse) => void;
  readonly reject: (error: CallError) => void;
  readonly send: () => void;
}

/** A class, because the hot path makes one for each call: a closure per callback would cost more. */
class AnswerCollector implements Dispatcher.DispatchHandler, Pending {
  readonly deadline: number;
  readonly signal: CancelSignal | undefined;
  readonly #request: SecureRequest;
  readonly #rules: CallRules;
  readonly #outcome: Outcome;
  #mayRepeat: boolean;
  #controller: Dispatcher.DispatchController | undefined;
  #settled = false;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #size = 0;
  readonly #chunks: Buffer[] = [];

  constructor(request: SecureRequest, rules: CallRules, outcome: Outcome) {
    this.deadline = rules.deadline;
    this.signal = request.signal;
    this.#request = request;
    this.#rules = rules;
    this.#outcome = outcome;
    this.#mayRepeat = request.repeatable === true;
  }

  abandon(failure: CallFailure, reason: string): void {
    if (this.#settled) return;
    const error = this.#fail(failure, reason);
    this.#controller?.abort(error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#settled) controller.abort(new Error('abandoned'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    this.#status = status;
    this.#headers = headers;
    if (Number(headers['content-length'] ?? 0) > this.#request.maxResponseBytes)
      this.abandon('oversize', 'the answer is too large');
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size > this.#request.maxResponseBytes) this.abandon('oversize', 'the answer is too large');
    else if (this.#request.takeRoom?.(chunk.length) === false)
      this.abandon('no_room', 'there is no room for its answer');
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#rules.deadlines.remove(this);
    const [only] = this.#chunks;
    const body = this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks);
    this.#outcome.resolve({ status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#settled) return;
    if (this.#mayRepeat && this.#status === 0 && CLOSED.has((error as NodeJS.ErrnoException).code)) {
      this.#mayRepeat = false;
      this.#outcome.send();
    } else this.#fail('connection', describeConnectionFailure(error), error);
  }

  #fail(failure: CallFailure, reason: string, cause?: Error): CallError {
    this.#settled = true;
    this.#chunks.length = 0;
    this.#rules.deadlines.remove(this);
    const detail = `${this.#rules.origin}: ${reason}`;
    const error =
      failure === 'no_room'
        ? new CallError('OVERLOADED', failure, { detail, retryAfterSeconds: RETRY_AFTER_SECONDS })
        : new CallError(this.#rules.failureCode, failure, {
            detail,
            ...(cause === undefined ? {} : { cause }),
          });
    this.#outcome.reject(error);
    return error;
  }
}
