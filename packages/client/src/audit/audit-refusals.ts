import { SecurityError } from '@aduana/core/errors/security-error';

/** Refusals of the content: to send the same again cannot help. */
const CONDEMNING: ReadonlySet<number> = new Set([400, 409, 413, 415, 422]);

/** Whether the service refuses what an event holds. */
export function isCondemning(error: unknown): boolean {
  return error instanceof SecurityError && CONDEMNING.has(error.status);
}

/** Why an event is not durable. */
export function unavailable(detail: string): SecurityError {
  return new SecurityError('AUDIT_UNAVAILABLE', { detail });
}

/** What a sender is refused with, whatever kept its event from the log. */
export function toUnavailable(cause: unknown): SecurityError {
  return cause instanceof SecurityError && cause.code === 'AUDIT_UNAVAILABLE'
    ? cause
    : new SecurityError('AUDIT_UNAVAILABLE', { cause });
}
