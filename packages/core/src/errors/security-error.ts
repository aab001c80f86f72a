import { type Code, ERROR_CODES } from './error-codes.ts';

/** What an error has beside its code. */
export interface SecurityErrorOptions {
  /** For the log and the audit log only: never sent to a caller. */
  readonly detail?: string;
  /** The error that led to this one: for the log only. */
  readonly cause?: unknown;
  /** Members of a GraphQL error's `extensions` or of a JSON error body: public, so never input. */
  readonly extensions?: Readonly<Record<string, unknown>>;
  /** Becomes the `Retry-After` header (RFC 9110 section 10.2.3). */
  readonly retryAfterSeconds?: number;
}

/**
 * A refusal or a failure with a stable code. Its message is the fixed text of that code, so that it never holds input.
 *
 * @example
 * if (order === undefined) throw new SecurityError('NOT_FOUND', { detail: 'no order with this id' });
 */
export class SecurityError extends Error {
  override readonly name = 'SecurityError';
  readonly code: Code;
  /** The HTTP status that goes with the code. */
  readonly status: number;
  readonly detail: string | undefined;
  readonly extensions: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: Code, options: SecurityErrorOptions = {}) {
    super(ERROR_CODES[code].text, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = ERROR_CODES[code].status;
    this.detail = options.detail;
    this.extensions = options.extensions ?? {};
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}
