import { type Code, ERROR_CODES } from './error-codes.ts';

export interface SecurityErrorOptions {
  /** For the log and the audit log only: never sent to a caller. */
  readonly detail?: string;
  readonly cause?: unknown;
  /** Members of a GraphQL error's `extensions` or of a JSON error body: public, so never input. */
  readonly extensions?: Readonly<Record<string, unknown>>;
  /** Becomes the `Retry-After` header. */
  readonly retryAfterSeconds?: number;
}

/** A refusal or a failure with a stable code; its message is the table's text and holds no input. */
export class SecurityError extends Error {
  override readonly name = 'SecurityError';
  readonly code: Code;
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
