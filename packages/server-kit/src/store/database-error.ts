import { SecurityError } from '@aduana/core/errors/security-error';

/** SQLSTATE class 23: an integrity constraint refused the statement. */
export class ConstraintError extends Error {
  override readonly name = 'ConstraintError';
  readonly constraint: string | undefined;

  constructor(constraint: string | undefined) {
    super('an integrity constraint refused the statement');
    this.constraint = constraint;
  }
}

/** A statement that the database refused, with its SQLSTATE; drivers' errors hold query and parameters, this one does not. */
export class StatementError extends Error {
  override readonly name = 'StatementError';
  readonly sqlState: string;

  constructor(sqlState: string, message: string) {
    super(`${sqlState} ${message}`);
    this.sqlState = sqlState;
  }
}

/**
 * A database that is away, ends, is overloaded, or is read-only, as during a failover: the same statement may succeed later.
 * Of SQLSTATE class 25 only the one that says so: the others are faults of the statement.
 */
const PASSING = /^(08|53|57|25006$)/;

/** Turns a driver's error into ours: a constraint, a refused statement, or `STORE_UNAVAILABLE`. */
export function toDatabaseError(error: unknown): Error {
  if (error instanceof SecurityError || error instanceof ConstraintError || error instanceof StatementError)
    return error;
  const { code, message, constraint, syscall } = error as Readonly<Record<string, unknown>>;
  // EPIPE looks like an SQLSTATE, and is the system's
  if (
    syscall === undefined &&
    typeof code === 'string' &&
    /^[0-9A-Z]{5}$/.test(code) &&
    !PASSING.test(code)
  ) {
    if (code.startsWith('23'))
      return new ConstraintError(typeof constraint === 'string' ? constraint : undefined);
    return new StatementError(code, String(message));
  }
  return new SecurityError('STORE_UNAVAILABLE', { detail: String(message) });
}
