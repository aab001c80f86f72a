import type { Clock } from '@aduana/core/platform/clock';
import { hmacSha256 } from '@aduana/core/platform/digest';
import { random } from '@aduana/core/platform/ids';
import type { Secret } from '@aduana/core/secrets/secret';
import type { StatusView } from '@aduana/core/status/status-entry';
import { formatTraceparent, type TraceContext } from '@aduana/core/wire/trace-context';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import {
  encodeCertificateChain,
  GRANT_CLIENT_CREDENTIALS,
  GRANT_TOKEN_EXCHANGE,
  TOKEN_TYPE_ACCESS_TOKEN,
  TOKEN_TYPE_JWT,
  TOKEN_TYPE_X509_SVID,
} from '@aduana/core/tokens/token-exchange';
import { readTokenAnswer, type TokenAnswer } from './read-token-answer.ts';
import { createTokenKeeper } from './token-keeper.ts';

export interface StsClientOptions {
  /** One bounded attempt at `POST /sts/token`, with this service's own certificate. */
  readonly send: (request: {
    readonly form: URLSearchParams;
    readonly headers: Readonly<Record<string, string>>;
  }) => Promise<TokenAnswer>;
  readonly status: StatusView;
  /** The certificate that tokens are bound to; after a change everything is asked for again. */
  readonly ownThumbprint: () => string;
  /** The hash of the policies in the status feed; after a change everything is asked for again, so that what they grant comes. */
  readonly policiesSha256: () => string | undefined;
  readonly clock: Clock;
}

/** A token as its holder keeps it. */
export interface HeldToken {
  /** The compact JWS. */
  readonly token: Secret;
  readonly claims: AccessTokenClaims;
}

/** What a narrowed token for one audience must carry, and no more. */
export interface TokenNarrowing {
  /** The id of the service that is called. */
  readonly audience: string;
  readonly scopes: readonly string[];
  /** Names of `@policy` that hold for this request. */
  readonly policies: readonly string[];
  /** Coordinates (`Type.field`) that are needed only for keys and `@requires`. */
  readonly join: readonly string[];
}

/**
 * Gets tokens from the STS. A token is cached while it is valid, and requests for the same token at the same time are one.
 *
 * Every method rejects with a `SecurityError`: `UNAUTHENTICATED` for a credential that is not valid, `FORBIDDEN` for what
 * the policies do not allow, `RATE_LIMITED`, or `STS_UNAVAILABLE`. The methods that take a caller's credential also reject
 * with `STATUS_UNAVAILABLE` while the status feed cannot be read: a revoked credential must not be accepted.
 *
 * @example
 * const token = await client.sts.ownToken('gateway');
 */
export interface StsClient {
  /**
   * The service's own token (RFC 6749 section 4.4).
   *
   * @param audience the id of the service that is called
   */
  ownToken(audience: string): Promise<Secret>;
  /** A caller's token for `gateway` by its Basic header, which is passed on as it is. */
  relayBasic(header: Secret, clientAddress?: string, trace?: TraceContext): Promise<HeldToken>;
  /** A caller's token for `gateway` by its verified certificate chain (DER, leaf first). */
  exchangeCertificate(chain: readonly Buffer[], trace?: TraceContext): Promise<HeldToken>;
  /** A caller's token for `gateway` by a JWT; the holder of `actorChain` becomes the outermost actor. */
  exchangeBearer(token: Secret, actorChain?: readonly Buffer[], trace?: TraceContext): Promise<HeldToken>;
  /** A narrower token for one audience, on behalf of the subject (RFC 8693 section 2). */
  narrow(subject: HeldToken, narrowing: TokenNarrowing, trace?: TraceContext): Promise<Secret>;
  /** Forgets a narrowed token that its audience refused. */
  forgetNarrowed(subject: Pick<HeldToken, 'claims'>, narrowing: TokenNarrowing): void;
}

/** How long a secret that was right is believed without asking again. */
const LONGEST_BASIC_MS = 60_000;

/** The client of a token endpoint that `send` calls. */
export function createStsClient(options: StsClientOptions): StsClient {
  const { send, status, ownThumbprint, policiesSha256, clock } = options;
  const keeper = createTokenKeeper(status, clock);
  const hashKey = random(32);

  const hashed = (...parts: readonly string[]): string =>
    hmacSha256(hashKey, JSON.stringify([ownThumbprint(), policiesSha256(), ...parts])).toString('base64url');
  const asking = createAsking(send);
  return {
    async ownToken(audience) {
      const ask = asking({ grant_type: GRANT_CLIENT_CREDENTIALS, audience });
      return (await keeper.obtain(hashed('own', audience), ask)).token;
    },
    async relayBasic(header, clientAddress, trace) {
      status.assertFresh();
      const form = {
        grant_type: GRANT_CLIENT_CREDENTIALS,
        audience: 'gateway',
        ...(clientAddress === undefined ? {} : { client_address: clientAddress }),
      };
      const ask = asking(form, trace, { authorization: header.reveal() });
      return keeper.obtain(hashed('basic', header.reveal()), ask, LONGEST_BASIC_MS);
    },
    async exchangeCertificate(chain, trace) {
      status.assertFresh();
      const token = encodeCertificateChain(chain);
      const ask = asking(exchange(token, TOKEN_TYPE_X509_SVID, { audience: 'gateway' }), trace);
      return keeper.obtain(hashed('svid', token), ask);
    },
    async exchangeBearer(token, actorChain, trace) {
      status.assertFresh();
      const actor = actorChain === undefined ? '' : encodeCertificateChain(actorChain);
      const more = {
        audience: 'gateway',
        ...(actor === '' ? {} : { actor_token: actor, actor_token_type: TOKEN_TYPE_X509_SVID }),
      };
      const ask = asking(exchange(token.reveal(), TOKEN_TYPE_JWT, more), trace);
      return keeper.obtain(hashed('bearer', token.reveal(), actor), ask);
    },
    async narrow(subject, narrowing, trace) {
      const ask = () => asking(narrowingForm(subject.token, narrowing), trace)();
      return (await keeper.obtain(narrowedKey(ownThumbprint(), subject, narrowing), ask)).token;
    },
    forgetNarrowed(subject, narrowing) {
      keeper.forget(narrowedKey(ownThumbprint(), subject, narrowing));
    },
  };
}

function exchange(token: string, type: string, more: Readonly<Record<string, string>>) {
  return { grant_type: GRANT_TOKEN_EXCHANGE, subject_token: token, subject_token_type: type, ...more };
}

function narrowingForm(token: Secret, { audience, scopes, policies, join }: TokenNarrowing) {
  return exchange(token.reveal(), TOKEN_TYPE_ACCESS_TOKEN, {
    audience,
    ...(scopes.length === 0 ? { no_scope: 'true' } : { scope: scopes.join(' ') }),
    policies: policies.join(' '),
    join: join.join(' '),
  });
}

/** What asks once, in the trace of who needs the answer first. */
function createAsking(send: StsClientOptions['send']) {
  return (
      form: Readonly<Record<string, string>>,
      trace?: TraceContext,
      headers: Readonly<Record<string, string>> = {},
    ) =>
    async () => {
      const traced = trace === undefined ? headers : { ...headers, traceparent: formatTraceparent(trace) };
      return readTokenAnswer(await send({ form: new URLSearchParams(form), headers: traced }));
    };
}

function narrowedKey(
  thumbprint: string,
  { claims: { jti } }: Pick<HeldToken, 'claims'>,
  { audience, scopes, policies, join }: TokenNarrowing,
): string {
  return `${thumbprint} ${jti} ${audience} [${scopes.join(' ')}] [${policies.join(' ')}] [${join.join(' ')}]`;
}
