import type { Code } from '@aduana/core/errors/error-codes';
import { SecurityError } from '@aduana/core/errors/security-error';
import { type Clock, epochSeconds } from '@aduana/core/platform/clock';
import type { JwtClaims } from '@aduana/core/tokens/jwk';
import { readCompactJws } from '@aduana/core/tokens/read-compact-jws';
import { readUnverifiedClaims, verifySignedJwt } from '@aduana/core/tokens/verify-signed-jwt';
import type { Engine } from '@aduana/server-kit/iam/compile';
import type { SharedSignals, TrustedIssuer } from '@aduana/server-kit/iam/policy';
import type { IssuerKeys } from '../token/issuer-keys.ts';
import { readSubject } from './event-subject.ts';

/** A Security Event Token (RFC 8417) whose issuer is trusted and whose signature holds. */
export interface SecurityEventToken {
  readonly issuer: TrustedIssuer;
  readonly signals: SharedSignals;
  readonly jti: string;
  /** Payloads by the URI of the type. */
  readonly events: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  /** The user of the issuer that the events are about; undefined where they are about none, or in a form that is not known. */
  readonly subject: string | undefined;
  /** Seconds since the epoch: a token that is sent again later is refused as too old. */
  readonly refusedAfter: number;
}

/** @throws SecurityError with a code of RFC 8935 section 2.4; `STS_UNAVAILABLE` while the issuer's keys cannot be had */
export type VerifySecurityEventToken = (text: string) => Promise<SecurityEventToken>;

export interface SecurityEventTokenOptions {
  readonly policies: () => Engine;
  readonly keysOf: IssuerKeys;
  readonly clock: Clock;
}

const TYPE = 'secevent+jwt';
const SKEW_SECONDS = 30;
const LONGEST_JTI = 500;
const MOST_EVENTS = 20;
const LONGEST_TYPE = 512;
/** Claims of which one does not hold; every other failure is one of the key. */
const FAILURES_OF_CLAIMS = ['ERR_JWT_EXPIRED', 'ERR_JWT_CLAIM_VALIDATION_FAILED', 'issued in the future'];

export function createSecurityEventVerifier(options: SecurityEventTokenOptions): VerifySecurityEventToken {
  const { policies, keysOf, clock } = options;
  return async (text) => {
    const header = readCompactJws(text);
    if ('refused' in header) throw refuse('invalid_request', header.refused);
    const { iss } = readUnverifiedClaims(text);
    const issuer = typeof iss === 'string' ? policies().issuers.get(iss) : undefined;
    const signals = issuer?.ssf;
    if (issuer === undefined || signals === undefined)
      throw refuse('invalid_issuer', 'no transmitter of this name is configured');
    if (header.typ !== TYPE) throw refuse('invalid_request', 'typ');
    const { payload } = await verifySignedJwt(text, {
      types: [TYPE],
      algorithms: issuer.algorithms,
      keys: keysOf(issuer),
      now: clock.now(),
      toleranceSeconds: SKEW_SECONDS,
      expiryOptional: true, // RFC 8417 section 2.2 recommends none
    }).catch((error: unknown) => {
      throw toRefusal(error);
    });
    if (![payload.aud].flat().includes(signals.audience)) throw refuse('invalid_audience', 'audience');
    return { issuer, signals, ...readClaims(payload, issuer, epochSeconds(clock)) };
  };
}

function readClaims(
  payload: JwtClaims,
  issuer: TrustedIssuer,
  now: number,
): Omit<SecurityEventToken, 'issuer' | 'signals'> {
  const { jti, iat } = payload;
  if (typeof jti !== 'string' || jti === '' || jti.length > LONGEST_JTI)
    throw refuse('invalid_request', 'no usable jti');
  if (typeof iat !== 'number') throw refuse('invalid_request', 'no iat');
  // Of an older one no token counts any more, whatever it says.
  const refusedAfter = Math.floor(iat) + issuer.maxAgeSeconds;
  if (refusedAfter <= now) throw refuse('invalid_request', 'too old');
  const events = readEvents(payload['events']);
  return { jti, events, subject: readSubject(payload, events, issuer.issuer), refusedAfter };
}

/** RFC 8417 section 2.2: an object with a member for each event, whose value is an object. */
function readEvents(claim: unknown): SecurityEventToken['events'] {
  if (!isObject(claim)) throw refuse('invalid_request', 'events is no object');
  const events = Object.entries(claim);
  if (events.length === 0 || events.length > MOST_EVENTS) throw refuse('invalid_request', 'number of events');
  return new Map(
    events.map(([type, payload]) => {
      if (!isObject(payload) || type.length > LONGEST_TYPE)
        throw refuse('invalid_request', 'an event is no object, or its type too long');
      return [type, payload];
    }),
  );
}

function toRefusal(error: unknown): unknown {
  if (!(error instanceof SecurityError) || error.code !== 'invalid_token') return error;
  const code = FAILURES_OF_CLAIMS.includes(error.detail ?? '') ? 'invalid_request' : 'invalid_key';
  return new SecurityError(code, { detail: error.detail ?? '', cause: error });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refuse(code: Code, detail: string): SecurityError {
  return new SecurityError(code, { detail });
}
