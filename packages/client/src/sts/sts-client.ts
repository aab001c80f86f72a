import type { Clock } from '../platform/clock.ts';
import { hmacSha256 } from '../platform/digest.ts';
import { random } from '../platform/ids.ts';
import type { Secret } from '../secrets/secret.ts';
import type { StatusView } from '../status/status-entry.ts';
import type { AccessTokenClaims } from '../tokens/access-token.ts';
import {
  encodeCertificateChain,
  GRANT_CLIENT_CREDENTIALS,
  GRANT_TOKEN_EXCHANGE,
  TOKEN_TYPE_ACCESS_TOKEN,
  TOKEN_TYPE_JWT,
  TOKEN_TYPE_X509_SVID,
} from '../tokens/token-exchange.ts';
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
  /** The policies that the status feed tells of; after a change everything is asked for again, so that what they grant comes. */
  readonly policiesSha256: () => string | undefined;
  readonly clock: Clock;
}

/** A token as its holder keeps it. */
export interface HeldToken {
  readonly token: Secret;
  readonly claims: AccessTokenClaims;
}

/** What a narrowed token for one audience must carry, and no more. */
export interface TokenNarrowing {
  readonly audience: string;
  readonly scopes: readonly string[];
  readonly policies: readonly string[];
  readonly join: readonly string[];
}

/**
 * How a service gets tokens. Each is kept while it is good, under a keyed hash of what it was got for, and asked for
 * once at a time. All reject with a SecurityError: `UNAUTHENTICATED` for a credential that does not hold, `FORBIDDEN`,
 * `RATE_LIMITED`, `STS_UNAVAILABLE`.
 */
export interface StsClient {
  /** The service's own token (RFC 6749 section 4.4). */
  ownToken(audience: string): Promise<Secret>;
  /** A caller's token for `gateway` by its Basic header, which is passed on as it is. */
  relayBasic(header: Secret, clientAddress?: string): Promise<HeldToken>;
  /** A caller's token for `gateway` by its verified certificate chain (DER, leaf first). */
  exchangeCertificate(chain: readonly Buffer[]): Promise<HeldToken>;
  /** A caller's token for `gateway` by a JWT; the holder of `actorChain` becomes the outermost actor. */
  exchangeBearer(token: Secret, actorChain?: readonly Buffer[]): Promise<HeldToken>;
  /** A narrower token for one audience, on behalf of the subject (RFC 8693). */
  narrow(subject: HeldToken, narrowing: TokenNarrowing): Promise<Secret>;
  /** Forgets a narrowed token that its audience refused. */
  forgetNarrowed(subject: Pick<HeldToken, 'claims'>, narrowing: TokenNarrowing): void;
}

/** How long a secret that was right is believed without asking again. */
const LONGEST_BASIC_MS = 60_000;

export function createStsClient(options: StsClientOptions): StsClient {
  const { send, status, ownThumbprint, policiesSha256, clock } = options;
  const keeper = createTokenKeeper(status, clock);
  const hashKey = random(32);

  const hashed = (...parts: readonly string[]): string =>
    hmacSha256(hashKey, JSON.stringify([ownThumbprint(), policiesSha256(), ...parts])).toString('base64url');
  const asking = (form: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>> = {}) => {
    return async () => readTokenAnswer(await send({ form: new URLSearchParams(form), headers }));
  };
  const exchange = (token: string, type: string, more: Readonly<Record<string, string>>) => ({
    grant_type: GRANT_TOKEN_EXCHANGE,
    subject_token: token,
    subject_token_type: type,
    ...more,
  });
  return {
    async ownToken(audience) {
      const ask = asking({ grant_type: GRANT_CLIENT_CREDENTIALS, audience });
      return (await keeper.obtain(hashed('own', audience), ask)).token;
    },
    relayBasic(header, clientAddress) {
      const form = {
        grant_type: GRANT_CLIENT_CREDENTIALS,
        audience: 'gateway',
        ...(clientAddress === undefined ? {} : { client_address: clientAddress }),
      };
      const ask = asking(form, { authorization: header.reveal() });
      return keeper.obtain(hashed('basic', header.reveal()), ask, LONGEST_BASIC_MS);
    },
    exchangeCertificate(chain) {
      const token = encodeCertificateChain(chain);
      const ask = asking(exchange(token, TOKEN_TYPE_X509_SVID, { audience: 'gateway' }));
      return keeper.obtain(hashed('svid', token), ask);
    },
    exchangeBearer(token, actorChain) {
      const actor = actorChain === undefined ? '' : encodeCertificateChain(actorChain);
      const more = {
        audience: 'gateway',
        ...(actor === '' ? {} : { actor_token: actor, actor_token_type: TOKEN_TYPE_X509_SVID }),
      };
      const ask = asking(exchange(token.reveal(), TOKEN_TYPE_JWT, more));
      return keeper.obtain(hashed('bearer', token.reveal(), actor), ask);
    },
    async narrow(subject, narrowing) {
      const { audience, scopes, policies, join } = narrowing;
      const ask = asking(
        exchange(subject.token.reveal(), TOKEN_TYPE_ACCESS_TOKEN, {
          audience,
          ...(scopes.length === 0 ? { no_scope: 'true' } : { scope: scopes.join(' ') }),
          policies: policies.join(' '),
          join: join.join(' '),
        }),
      );
      return (await keeper.obtain(narrowedKey(ownThumbprint(), subject, narrowing), ask)).token;
    },
    forgetNarrowed(subject, narrowing) {
      keeper.forget(narrowedKey(ownThumbprint(), subject, narrowing));
    },
  };
}

function narrowedKey(
  thumbprint: string,
  { claims: { jti } }: Pick<HeldToken, 'claims'>,
  { audience, scopes, policies, join }: TokenNarrowing,
): string {
  return `${thumbprint} ${jti} ${audience} [${scopes.join(' ')}] [${policies.join(' ')}] [${join.join(' ')}]`;
}
