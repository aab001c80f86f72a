import type { Code } from '@aduana/core/errors/error-codes';
import { SecurityError } from '@aduana/core/errors/security-error';
import { Secret } from '@aduana/core/secrets/secret';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import { parseAccessTokenClaims } from '@aduana/core/tokens/parse-access-token-claims';

/** An answer of `POST /sts/token`, from the pinned STS. */
export interface TokenAnswer {
  readonly status: number;
  readonly headers: { readonly 'retry-after'?: string | undefined };
  readonly body: Buffer;
}

export interface GrantedToken {
  readonly token: Secret;
  readonly claims: AccessTokenClaims;
  readonly kid: string;
}

/** What an OAuth error means to the service that passed a caller's credential on. */
const CODES: Readonly<Record<string, Code>> = {
  invalid_client: 'UNAUTHENTICATED',
  invalid_grant: 'UNAUTHENTICATED',
  invalid_request: 'UNAUTHENTICATED',
  unauthorized_client: 'FORBIDDEN',
  invalid_scope: 'FORBIDDEN',
  invalid_target: 'FORBIDDEN',
};

/**
 * The token of a successful answer (RFC 6749 section 5.1); it came over a connection to the pinned STS, so that its
 * signature need not be checked again.
 *
 * @throws SecurityError `UNAUTHENTICATED`, `FORBIDDEN`, `RATE_LIMITED` or `STS_UNAVAILABLE`
 */
export function readTokenAnswer({ status, headers, body }: TokenAnswer): GrantedToken {
  const answer = parseObject(body.toString('utf8'));
  if (status !== 200) throw toError(status, headers, answer['error']);
  const { access_token: token } = answer;
  if (typeof token !== 'string')
    throw new SecurityError('STS_UNAVAILABLE', { detail: 'an answer without a token' });
  const [header = '', payload = ''] = token.split('.');
  const claims = parseAccessTokenClaims(parseObject(Buffer.from(payload, 'base64url').toString('utf8')));
  const { kid } = parseObject(Buffer.from(header, 'base64url').toString('utf8'));
  if (claims === undefined || typeof kid !== 'string')
    throw new SecurityError('STS_UNAVAILABLE', { detail: 'an answer with a token of another kind' });
  return { token: Secret.of(token), claims, kid };
}

function toError(status: number, headers: TokenAnswer['headers'], error: unknown): SecurityError {
  const detail = `the STS answered ${String(status)} ${typeof error === 'string' ? error.slice(0, 40) : ''}`;
  const retryAfterSeconds = Number(headers['retry-after'] ?? NaN);
  const retry = Number.isFinite(retryAfterSeconds) ? { retryAfterSeconds } : {};
  if (status === 429) return new SecurityError('RATE_LIMITED', { detail, ...retry });
  const code = status < 500 && typeof error === 'string' ? CODES[error] : undefined;
  return new SecurityError(code ?? 'STS_UNAVAILABLE', { detail, ...retry });
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
