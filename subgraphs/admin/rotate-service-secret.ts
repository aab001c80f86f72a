import { z } from 'zod';
import { type Code, ERROR_CODES } from '@aduana/core/errors/error-codes';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { SecurePeer } from '@aduana/core/mtls-client/secure-peer';
import { uuid } from '@aduana/core/platform/ids';
import type { Secret } from '@aduana/core/secrets/secret';
import { formatTraceparent } from '@aduana/core/wire/trace-context';
import type { Decided } from './service-states.ts';

export interface SecretRotation {
  readonly version: number;
  /** Null where it was not to be shown, and for whoever lost a race for the same rotation. */
  readonly secret: string | null;
  /** RFC 3339; null: the version before is refused at once. */
  readonly graceUntil: string | null;
}

/** Has the STS, which owns the hashes of client secrets, make the next version of one. */
export type RotateServiceSecret = (
  service: string,
  graceSeconds: number,
  decided: Pick<Decided, 'reason' | 'trace'> & {
    /** By which the decider asked: to the STS it says who decided, and who may see the secret. */
    readonly token: Secret;
  },
) => Promise<SecretRotation>;

const TIMEOUT_MS = 5_000;
const ANSWER_BYTES = 65_536;
const ANSWER = z.object({
  version: z.int(),
  secret: z.string().nullable(),
  grace_until: z.string().nullable(),
});

/** @param ownToken this service's token for an audience */
export function createRotateServiceSecret(
  sts: SecurePeer,
  ownToken: (audience: string) => Promise<Secret>,
): RotateServiceSecret {
  return async (service, graceSeconds, { trace, reason, token }) => {
    const own = await ownToken('sts');
    const { status, body } = await sts.request({
      method: 'POST',
      path: '/sts/rotate-client-secret',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${own.reveal()}`,
        traceparent: formatTraceparent({ traceId: trace.trace_id, spanId: trace.span_id, sampled: false }),
      },
      body: JSON.stringify({
        service_id: service,
        grace_seconds: graceSeconds,
        reason,
        subject_token: token.reveal(),
        idempotency_key: uuid(),
      }),
      timeoutMilliseconds: TIMEOUT_MS,
      maxResponseBytes: ANSWER_BYTES,
    });
    const answer = parseJson(body.toString('utf8'));
    if (status !== 200) throw toError(status, answer);
    const { version, secret, grace_until: graceUntil } = ANSWER.parse(answer);
    return { version, secret, graceUntil };
  };
}

/** The STS's own refusals are passed on; what it thinks of this service's token is not the caller's fault. */
function toError(status: number, answer: unknown): SecurityError {
  const code = (answer as { readonly error?: unknown } | null)?.error;
  const detail = `the STS answered ${String(status)}`;
  const passedOn = [
    ...['ROTATION_IN_GRACE', 'UNKNOWN_SERVICE', 'BAD_REQUEST', 'SECRET_PROVIDER_UNAVAILABLE'],
    ...['UNAUTHENTICATED', 'insufficient_scope', 'MTLS_REQUIRED'], // of the decider's token
  ];
  const known = typeof code === 'string' && passedOn.includes(code) && Object.hasOwn(ERROR_CODES, code);
  return new SecurityError(known ? (code as Code) : 'STS_UNAVAILABLE', { detail });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
