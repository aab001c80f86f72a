import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher, Pool } from 'undici';
import type { CancelSignal } from '../platform/cancellation.ts';
import { CallError, type CallFailure } from './call-error.ts';
import type { Pending } from './deadlines.ts';
import { describeConnectionFailure } from './describe-connection-failure.ts';
import type { SecureStream, SecureStreamRequest, StreamReader } from './secure-peer.ts';
import type { CallRules } from './send-request.ts';

/** Sends one request over a pool, whose answer is read as it comes. */
export function openStream(
  pool: Pool,
  request: SecureStreamRequest,
  rules: CallRules,
): Promise<SecureStream> {
  return new Promise((resolve, reject) => {
    const { method, path, headers, body, signal } = request;
    const stream = new OpeningStream(signal, rules, { resolve, reject });
    if (signal?.aborted === true) {
      stream.abandon('abandoned', 'the call was abandoned by its caller');
      return;
    }
    rules.deadlines.add(stream);
    pool.dispatch(
      {
        method,
        path,
        ...(headers === undefined ? {} : { headers }),
        ...(body === undefined ? {} : { body }),
      },
      stream,
    );
  });
}

interface Outcome {
  readonly resolve: (stream: SecureStream) => void;
  readonly reject: (error: CallError) => void;
}

class OpeningStream implements Dispatcher.DispatchHandler, Pending, SecureStream {
  readonly deadline: number;
  readonly signal: CancelSignal | undefined;
  readonly #rules: CallRules;
  readonly #outcome: Outcome;
  #controller: Dispatcher.DispatchController | undefined;
  #reader: StreamReader | undefined;
  #isEnded = false;
  status = 0;
  headers: IncomingHttpHeaders = {};

  constructor(signal: CancelSignal | undefined, rules: CallRules, outcome: Outcome) {
    this.signal = signal;
    this.deadline = rules.deadline;
    this.#rules = rules;
    this.#outcome = outcome;
  }

  abandon(failure: CallFailure, reason: string): void {
    this.#end(this.#failure(failure, reason));
    this.#controller?.abort(new Error(reason));
  }

  read(reader: StreamReader): void {
    this.#reader = reader;
    this.resume();
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  close(): void {
    this.#reader = undefined;
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#controller?.abort(new Error('the stream is needed no longer'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isEnded) controller.abort(new Error('abandoned'));
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (status < 200) return;
    this.#rules.deadlines.remove(this);
    this.status = status;
    this.headers = headers;
    controller.pause();
    this.#outcome.resolve(this);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#reader?.onData(chunk);
  }

  onResponseEnd(): void {
    this.#end(undefined);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#end(this.#failure('connection', describeConnectionFailure(error), error));
  }

  #end(error: CallError | undefined): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#rules.deadlines.remove(this);
    if (this.status === 0 && error !== undefined) this.#outcome.reject(error);
    else this.#reader?.onEnd(error);
  }

  #failure(failure: CallFailure, reason: string, cause?: Error): CallError {
    const { failureCode, origin } = this.#rules;
    return new CallError(failureCode, failure, {
      detail: `${origin}: ${reason}`,
      ...(cause === undefined ? {} : { cause }),
    });
  }
}
