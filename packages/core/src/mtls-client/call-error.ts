import type { Code } from '../errors/error-codes.ts';
import { SecurityError } from '../errors/security-error.ts';

/**
 * Why a call brought no answer: there was no connection or it ended, the time was over, the answer was too large, there
 * was no room for it beside others, or the caller wanted it no longer.
 */
export type CallFailure = 'connection' | 'deadline' | 'oversize' | 'no_room' | 'abandoned';

/** A call to another service that brought no complete answer. */
export class CallError extends SecurityError {
  readonly failure: CallFailure;

  constructor(
    code: Code,
    failure: CallFailure,
    options: { readonly detail: string; readonly cause?: unknown; readonly retryAfterSeconds?: number },
  ) {
    super(code, options);
    this.failure = failure;
  }
}
