import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import { refusedByStatus } from '@aduana/core/tokens/verify-access-token';
import { SecurityError } from '@aduana/core/errors/security-error';
import { isPeerRefused } from '@aduana/core/status/is-peer-refused';
import type { StatusView } from '@aduana/core/status/status-entry';
import type { Engine } from '@aduana/server-kit/iam/compile';
import { loginOf } from '@aduana/server-kit/iam/login-of';
import { nextTooOld } from '@aduana/server-kit/iam/step-up';
import { type CallerRights, type Circumstances, rightsOf } from '../authorize/rights.ts';
import type { Caller, Delegated } from '../stages.ts';
import type { StreamEnd } from './stream-end.ts';

export interface StreamCallerOptions {
  readonly status: StatusView;
  readonly engine: () => Engine;
  readonly limitClaims: (claims: AccessTokenClaims) => AccessTokenClaims;
  readonly environment: string;
}

/** How the caller of a stream was admitted. */
export interface StreamAdmission {
  readonly delegated: Delegated;
  /** Of the client's certificate, in milliseconds since the epoch. */
  readonly certificateNotAfter: number | undefined;
  readonly rates: Circumstances['rates'];
  /** The same credential once more: a newer token, or the reason why it holds no longer. */
  readonly renew: () => Promise<Delegated>;
}

/** The caller of one or several streams, as of now. */
export class StreamCaller {
  readonly #options: StreamCallerOptions;
  readonly #admission: StreamAdmission;
  #delegated: Delegated;
  #kid: string;
  #rates: Circumstances['rates'];
  #renew: StreamAdmission['renew'];
  #renewing: Promise<void> | undefined;
  readonly #followers = new Set<() => void>();

  constructor(options: StreamCallerOptions, admission: StreamAdmission) {
    this.#options = options;
    this.#admission = admission;
    this.#delegated = admission.delegated;
    this.#rates = admission.rates;
    this.#kid = keyIdOf(admission.delegated.caller);
    this.#renew = admission.renew;
  }

  /** Milliseconds since the epoch. */
  get expiresAt(): number {
    const { exp } = this.#delegated.caller.claims;
    return Math.min(exp * 1000, this.#admission.certificateNotAfter ?? Infinity);
  }

  /** When what was decided at a moment changes by itself: the credentials end, or the login is too old for a condition. */
  changesAfter(decidedAt: number): number {
    const { authTime } = loginOf(this.#delegated.caller.claims);
    return Math.min(this.expiresAt, nextTooOld(this.#options.engine(), authTime, decidedAt));
  }

  /** The hash of the policies of this moment. */
  get policies(): string {
    return this.#options.engine().sha256;
  }

  /** Within the registry of this moment. */
  get delegated(): Delegated {
    const { caller } = this.#delegated;
    const claims = this.#options.limitClaims(caller.claims);
    return claims === caller.claims ? this.#delegated : { ...this.#delegated, caller: { ...caller, claims } };
  }

  /** Why nothing is sent to this caller any more; undefined: it may go on. */
  judge(now: number): StreamEnd | undefined {
    const { status } = this.#options;
    const { caller } = this.#delegated;
    if (this.expiresAt <= now) return { reason: 'expired', code: 'UNAUTHENTICATED' };
    try {
      status.assertFresh();
      this.#options.limitClaims(caller.claims);
    } catch (error) {
      return error instanceof SecurityError && error.status >= 500
        ? { reason: 'failed', code: error.code }
        : { reason: 'revoked', code: 'UNAUTHENTICATED' };
    }
    const token = { claims: caller.claims, kid: this.#kid, scopes: NO_SCOPES };
    const { certificateThumbprint: thumbprint, spiffeId } = caller;
    const isRefused =
      refusedByStatus(token, status) !== undefined ||
      (thumbprint !== undefined && isPeerRefused(status, thumbprint, spiffeId ?? ''));
    return isRefused ? { reason: 'revoked', code: 'UNAUTHENTICATED' } : undefined;
  }

  rights(now: number): CallerRights {
    const { engine, environment } = this.#options;
    const rates = this.#rates;
    const circumstances = { time: now, environment, ...(rates === undefined ? {} : { rates }) };
    return rightsOf(this.delegated.caller, engine(), circumstances);
  }

  /** What was counted for its newest operation is what its streams are decided by. */
  noteRates(rates: Circumstances['rates']): void {
    this.#rates = rates;
  }

  /** Asks for a newer token, one at a time; a failure leaves the one that there is. */
  renew(): void {
    this.#renewing ??= this.#renew()
      .then((delegated) => void this.replace(delegated))
      .catch(() => undefined)
      .finally(() => (this.#renewing = undefined));
  }

  /**
   * Goes on under another token of the same subject; false where it is another's.
   *
   * @param renew of the credential that the token was got for, where it is another one
   */
  replace(delegated: Delegated, renew?: StreamAdmission['renew']): boolean {
    const { claims } = delegated.caller;
    const { claims: own } = this.#delegated.caller;
    if (claims.sub !== own.sub || claims.sub_iss !== own.sub_iss || claims.sub_kind !== own.sub_kind)
      return false;
    if (renew !== undefined) this.#renew = renew;
    if (claims.jti === own.jti) return true;
    this.#delegated = delegated;
    this.#kid = keyIdOf(delegated.caller);
    for (const follow of this.#followers) follow();
    return true;
  }

  /** Calls back when the caller goes on under another token; returns what ends that. */
  onReplace(follow: () => void): () => void {
    this.#followers.add(follow);
    return () => this.#followers.delete(follow);
  }
}

const NO_SCOPES: ReadonlySet<string> = new Set();

/** The `kid` of a token that has been verified. */
function keyIdOf({ subjectToken }: Caller): string {
  const [head = ''] = subjectToken.reveal().split('.');
  const { kid } = JSON.parse(Buffer.from(head, 'base64url').toString('utf8')) as { kid?: unknown };
  return typeof kid === 'string' ? kid : '';
}
