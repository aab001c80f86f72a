import { SecurityError } from '@aduana/core/errors/security-error';
import { createBoundedCache } from '@aduana/core/platform/bounded-cache';
import type { Clock } from '@aduana/core/platform/clock';
import { random } from '@aduana/core/platform/ids';
import { Secret } from '@aduana/core/secrets/secret';
import { decrypt, encrypt } from '@aduana/server-kit/secrets/aes-gcm';
import * as oidc from 'openid-client';
import { z } from 'zod';

/** Login at an OpenID provider: the authorization code flow with PKCE (OpenID Connect Core section 3.1, RFC 7636). */
export interface OidcLogin {
  /**
   * Where the browser is sent, and the value of the cookie by which its answer is known.
   *
   * @throws SecurityError `STS_UNAVAILABLE` while the provider does not answer
   */
  begin(redirectUri: string): Promise<{ readonly url: string; readonly cookie: string }>;
  /**
   * The ID token that the provider's answer leads to; each login is finished once.
   *
   * @param answer the address to which the provider sent the browser
   * @throws SecurityError `UNAUTHENTICATED` for an answer that does not fit the login
   */
  finish(answer: URL, cookie: string | undefined): Promise<ProvedIdentity>;
}

export interface ProvedIdentity {
  readonly idToken: Secret;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface OidcSettings {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: Secret | undefined;
}

/** A login under way. The browser keeps it, so that nobody who begins many takes another's away. */
const TRANSACTION = z.object({
  verifier: z.string(),
  state: z.string(),
  nonce: z.string(),
  redirectUri: z.string(),
  /** Milliseconds since the epoch. */
  expiresAt: z.number(),
});
type Transaction = z.output<typeof TRANSACTION>;

export const LOGIN_LIFE_SECONDS = 600;
/** Finished ones; of what is forgotten, the provider knows its code. */
const MOST_FINISHED = 10_000;
const PURPOSE = Buffer.from('aduana console login');
const PROVIDER_TIMEOUT_SECONDS = 10;
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

export function createOidcLogin(settings: OidcSettings, clock: Clock): OidcLogin {
  const seals = createSeals(clock);
  const configuration = createDiscovery(settings);

  return {
    async begin(redirectUri) {
      const known = await configuration();
      const transaction: Transaction = {
        verifier: oidc.randomPKCECodeVerifier(),
        state: oidc.randomState(),
        nonce: oidc.randomNonce(),
        redirectUri,
        expiresAt: clock.now() + LOGIN_LIFE_SECONDS * 1000,
      };
      const url = oidc.buildAuthorizationUrl(known, {
        redirect_uri: redirectUri,
        scope: 'openid',
        code_challenge: await oidc.calculatePKCECodeChallenge(transaction.verifier),
        code_challenge_method: 'S256',
        state: transaction.state,
        nonce: transaction.nonce,
      });
      return { url: url.href, cookie: seals.seal(transaction) };
    },
    async finish(answer, cookie) {
      const transaction = seals.openOnce(cookie ?? '');
      if (transaction === undefined) throw refuse('no login is under way');
      const known = await configuration();
      const at = new URL(transaction.redirectUri);
      at.search = answer.search;
      try {
        const tokens = await oidc.authorizationCodeGrant(known, at, {
          pkceCodeVerifier: transaction.verifier,
          expectedState: transaction.state,
          expectedNonce: transaction.nonce,
          idTokenExpected: true,
        });
        const claims = tokens.claims();
        if (tokens.id_token === undefined || claims === undefined) throw refuse('no ID token');
        return { idToken: Secret.of(tokens.id_token), expiresAt: claims.exp * 1000 };
      } catch (error) {
        // What the provider says of the failure may hold what somebody else chose.
        throw error instanceof SecurityError
          ? error
          : refuse('the answer of the provider does not hold', error);
      }
    },
  };
}

/** Seals logins under a key of this process; each opens once, while it lasts. */
function createSeals(clock: Clock) {
  const key = random(32);
  const finished = createBoundedCache<true>(clock, MOST_FINISHED);
  return {
    seal: (transaction: Transaction): string =>
      encrypt(key, Buffer.from(JSON.stringify(transaction)), PURPOSE).toString('base64url'),
    openOnce(sealed: string): Transaction | undefined {
      const opened = decrypt(key, Buffer.from(sealed, 'base64url'), PURPOSE);
      if (opened === undefined) return undefined;
      const transaction = TRANSACTION.parse(JSON.parse(opened.toString('utf8')));
      if (transaction.expiresAt <= clock.now() || finished.get(transaction.state) === true) return undefined;
      finished.set(transaction.state, true, transaction.expiresAt);
      return transaction;
    },
  };
}

/** Asks again after a failure: the provider need not be there when the console starts. */
function createDiscovery(settings: OidcSettings): () => Promise<oidc.Configuration> {
  let discovered: Promise<oidc.Configuration> | undefined;
  return () => {
    const asked = (discovered ??= discover(settings));
    return asked.catch((error: unknown) => {
      discovered = undefined;
      const detail = 'the OpenID provider does not answer';
      throw new SecurityError('STS_UNAVAILABLE', { detail, cause: error });
    });
  };
}

/** Discovery (OpenID Connect Discovery section 4); plain HTTP on loopback alone. */
async function discover({ issuer, clientId, clientSecret }: OidcSettings): Promise<oidc.Configuration> {
  const at = new URL(issuer);
  const isPlain = at.protocol === 'http:' && LOOPBACK.includes(at.hostname);
  return oidc.discovery(
    at,
    clientId,
    undefined,
    clientSecret === undefined ? oidc.None() : oidc.ClientSecretBasic(clientSecret.reveal()),
    {
      timeout: PROVIDER_TIMEOUT_SECONDS,
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- marked so that it stands out: loopback alone
      ...(isPlain ? { execute: [oidc.allowInsecureRequests] } : {}),
    },
  );
}

function refuse(detail: string, cause?: unknown): SecurityError {
  return new SecurityError('UNAUTHENTICATED', { detail, cause });
}
