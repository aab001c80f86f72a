import { createBoundedCache } from '../platform/bounded-cache.ts';
import type { Clock } from '../platform/clock.ts';
import { hmacSha256 } from '../platform/digest.ts';
import { random } from '../platform/ids.ts';
import { createSingleFlight } from '../platform/single-flight.ts';
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
import { refusedByStatus } from '../tokens/verify-access-token.ts';
import { type GrantedToken, readTokenAnswer, type TokenAnswer } from './read-token-answer.ts';

export interface StsClientOptions {
  /** One bounded attempt at `POST /sts/token`, with this service's own certificate. */
  readonly send: (request: {
    readonly form: URLSearchParams;
    readonly headers: Readonly<Record<string, string>>;
  }) => Promise<TokenAnswer>;
  readonly status: StatusView;
  /** The certificate that tokens are bound to; after a change everything is asked for again. */
  readonly ownThumbprint: () => string;
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

const CACHE_CAPACITY = 10_000;
/** How long a secret that was right is believed without asking again. */
const LONGEST_BASIC_MS = 60_000;
const MARGIN = { share: 0.2, mostMilliseconds: 30_000 } as const;

interface Kept extends GrantedToken {
  /** Milliseconds since the epoch: from here on a use asks for the next one in the background. */
  readonly renewAt: number;
}

export function createStsClient({ send, status, ownThumbprint, clock }: StsClientOptions): StsClient {
  const cache = createBoundedCache<Kept>(clock, CACHE_CAPACITY);
  const once = createSingleFlight<Kept>();
  const hashKey = random(32);

  const keyOf = (...parts: readonly (string | readonly string[])[]): string =>
    hmacSha256(hashKey, JSON.stringify([ownThumbprint(), ...parts])).toString('base64url');
  const isGood = (kept: Kept): boolean =>
    refusedByStatus({ claims: kept.claims, kid: kept.kid, scopes: new Set() }, status) === undefined;

  const obtain = async (
    key: string,
    form: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>> = {},
    longestMilliseconds = Infinity,
  ): Promise<Kept> => {
    const ask = (): Promise<Kept> =>
      once(key, async () => {
        const askedAt = clock.now();
        const granted = readTokenAnswer(await send({ form: new URLSearchParams(form), headers }));
        const life = granted.claims.exp * 1000 - askedAt;
        const margin = Math.min(MARGIN.mostMilliseconds, life * MARGIN.share);
        const kept = { ...granted, renewAt: askedAt + life / 2 };
        cache.set(key, kept, askedAt + Math.min(life - margin, longestMilliseconds));
        return kept;
      });
    const known = cache.get(key);
    if (known === undefined || !isGood(known)) return ask();
    if (clock.now() >= known.renewAt) ask().catch(() => undefined);
    return known;
  };
  const exchange = (token: string, type: string, more: Readonly<Record<string, string>>) => ({
    grant_type: GRANT_TOKEN_EXCHANGE,
    subject_token: token,
    subject_token_type: type,
    ...more,
  });
  const narrowedKey = ({ claims }: Pick<HeldToken, 'claims'>, narrowing: TokenNarrowing): string => {
    const { audience, scopes, policies, join } = narrowing;
    return keyOf('narrow', claims.jti, audience, scopes, policies, join);
  };

  return {
    ownToken: async (audience) =>
      (await obtain(keyOf('own', audience), { grant_type: GRANT_CLIENT_CREDENTIALS, audience })).token,
    relayBasic: (header, clientAddress) =>
      obtain(
        keyOf('basic', header.reveal()),
        {
          grant_type: GRANT_CLIENT_CREDENTIALS,
          audience: 'gateway',
          ...(clientAddress === undefined ? {} : { client_address: clientAddress }),
        },
        { authorization: header.reveal() },
        LONGEST_BASIC_MS,
      ),
    exchangeCertificate(chain) {
      const token = encodeCertificateChain(chain);
      return obtain(keyOf('svid', token), exchange(token, TOKEN_TYPE_X509_SVID, { audience: 'gateway' }));
    },
    exchangeBearer(token, actorChain) {
      const actor = actorChain === undefined ? '' : encodeCertificateChain(actorChain);
      const more = {
        audience: 'gateway',
        ...(actor === '' ? {} : { actor_token: actor, actor_token_type: TOKEN_TYPE_X509_SVID }),
      };
      return obtain(keyOf('bearer', token.reveal(), actor), exchange(token.reveal(), TOKEN_TYPE_JWT, more));
    },
    async narrow(subject, narrowing) {
      const { audience, scopes, policies, join } = narrowing;
      const { token } = await obtain(
        narrowedKey(subject, narrowing),
        exchange(subject.token.reveal(), TOKEN_TYPE_ACCESS_TOKEN, {
          audience,
          ...(scopes.length === 0 ? { no_scope: 'true' } : { scope: scopes.join(' ') }),
          policies: policies.join(' '),
          join: join.join(' '),
        }),
      );
      return token;
    },
    forgetNarrowed(subject, narrowing) {
      cache.delete(narrowedKey(subject, narrowing));
    },
  };
}
