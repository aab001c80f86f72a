import { ANONYMOUS } from '@aduana/client/audit/audit-event';
import { auditEvent } from '@aduana/client/audit/event-catalogue';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import type { Code } from '@aduana/core/errors/error-codes';
import type { SecurityError } from '@aduana/core/errors/security-error';
import type { Delivery } from './take-security-event.ts';

/** What a transmitter reads of a refusal (RFC 8935 section 2.4, RFC 8936 section 2.2). */
export interface SetError {
  readonly err: string;
  readonly description: string;
}

const CODES: ReadonlySet<Code> = new Set([
  'invalid_request',
  'invalid_key',
  'invalid_issuer',
  'invalid_audience',
  'access_denied',
]);

/** The words of RFC 8935; undefined where the token is to be sent again. */
export function toSetError({ code, status, message }: SecurityError): SetError | undefined {
  if (status >= 500 || status === 429) return undefined;
  if (CODES.has(code)) return { err: code, description: message };
  return { err: 'invalid_request', description: message };
}

/** Records a token that was refused, or could not be taken. */
export async function recordRefusal(
  error: SecurityError,
  delivery: Delivery,
  of: { readonly issuer?: string; readonly sourceAddress?: string },
  audit: AuditSink,
): Promise<void> {
  await audit.record({
    ...auditEvent('signal.refuse', {
      ...(of.issuer === undefined ? {} : { issuer: of.issuer }),
      error: error.code,
      reason: error.detail ?? null,
      delivery,
      ...(of.sourceAddress === undefined ? {} : { source_address: of.sourceAddress }),
    }),
    outcome: error.status >= 500 ? 'FAILED' : 'DENIED',
    actor: ANONYMOUS,
  });
}
