import { afterAll, beforeAll } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { epochSeconds } from '@aduana/core/platform/clock';
import { ASSERTION_TYPE_JWT_BEARER } from '@aduana/core/tokens/token-exchange';
import { createInProcessBus } from '@aduana/server-kit/bus/in-process-bus';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { MIGRATIONS } from '../../subgraphs/sts/migrations.ts';
import { createStoppedClock } from './fake-clock.ts';
import type { OpenStore, TestStore } from './stores.ts';
import { ISSUER, openTestSts, type TestSts, type TokenAnswer } from './test-sts.ts';

export const CREDENTIALS = { grant_type: 'client_credentials' };
/** What every failed authentication answers, whatever its reason. */
export const FAILED = [401, 'invalid_client'];

/** Keys of the `bff`, one of each algorithm. */
export const keys = await Promise.all(
  (['ES256', 'RS256', 'EdDSA'] as const).map(async (algorithm) => {
    const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
    return {
      algorithm,
      privateKey,
      jwk: { ...(await exportJWK(publicKey)), kid: `bff-${algorithm}`, alg: algorithm },
    };
  }),
);
const POLICIES = Object.fromEntries(
  ['service_identities.yaml', 'iam_policies.yaml', 'trusted_issuers.yaml'].map((name) => [
    name,
    readFileSync(`policies/${name}`, 'utf8').replace(
      'jwks: { keys: [] }',
      `jwks: ${JSON.stringify({ keys: keys.map(({ jwk }) => jwk) })}`,
    ),
  ]),
);

/** Two replicas of an STS, under a clock that stands still. */
export interface AuthenticatingSts {
  readonly sts: TestSts;
  readonly replica: TestSts;
  readonly store: TestStore;
  readonly clock: ReturnType<typeof createStoppedClock>;
  /** The clock's time, in seconds since the epoch. */
  seconds(): number;
  /** A client assertion of the `bff`; `claims` and `header` replace the usual members. */
  assertion(claims?: object, header?: object, signer?: (typeof keys)[number]): Promise<string>;
  /** Asks for a token with a client assertion. */
  present(clientAssertion: string, form?: object, at?: TestSts): Promise<TokenAnswer>;
  /** Another replica, opened now. */
  restart(): Promise<TestSts>;
}

/** To be called once, outside the tests. */
export function openAuthenticatingSts(
  openStore: OpenStore,
  environment: Readonly<Record<string, string>> = {},
): AuthenticatingSts {
  const clock = createStoppedClock();
  const opened = {} as { sts: TestSts; replica: TestSts; store: TestStore };
  let count = 0;
  const seconds = (): number => epochSeconds(clock);
  beforeAll(async () => {
    opened.store = await openStore('sts', MIGRATIONS);
    const shared = {
      openStore,
      store: opened.store,
      clock,
      bus: createInProcessBus(),
      policies: POLICIES,
      environment,
    };
    opened.sts = await openTestSts(shared);
    opened.replica = await openTestSts({ ...shared, secrets: opened.sts.secrets, ca: opened.sts.ca });
  });
  afterAll(async () => {
    await opened.sts.close();
    await opened.replica.close();
  });
  return Object.assign(opened, {
    clock,
    seconds,
    assertion(claims: object = {}, header: object = {}, signer = keys[0]): Promise<string> {
      if (signer === undefined) throw new TypeError('a key');
      count += 1;
      const usual = {
        iss: 'bff',
        sub: 'bff',
        aud: ISSUER,
        jti: `jti-${String(count)}-${String(Math.random())}`,
      };
      return new SignJWT({ ...usual, iat: seconds(), exp: seconds() + 60, ...claims })
        .setProtectedHeader({ alg: signer.algorithm, kid: `bff-${signer.algorithm}`, ...header })
        .sign(signer.privateKey);
    },
    present: (client_assertion: string, form: object = {}, at = opened.sts): Promise<TokenAnswer> =>
      at.token({
        ...CREDENTIALS,
        client_assertion,
        client_assertion_type: ASSERTION_TYPE_JWT_BEARER,
        ...form,
      }),
    restart: (): Promise<TestSts> =>
      openTestSts({
        openStore,
        store: opened.store,
        clock,
        policies: POLICIES,
        secrets: opened.sts.secrets,
      }),
  });
}

/** The status and the error of an answer. */
export const outcomeOf = ({ status, body }: TokenAnswer): unknown[] => [status, body['error']];
