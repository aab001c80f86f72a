import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ASSERTION_TYPE_JWT_BEARER } from '@aduana/core/tokens/token-exchange';
import { createInProcessBus } from '@aduana/server-kit/bus/in-process-bus';
import { epochSeconds } from '@aduana/core/platform/clock';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { cpuMilliseconds } from '../../support/cpu-milliseconds.ts';
import { createStoppedClock } from '../../support/fake-clock.ts';
import { describeStores, type TestStore } from '../../support/stores.ts';
import {
  basic,
  ISSUER,
  openTestSts,
  SECRETS,
  type TestSts,
  type TokenAnswer,
} from '../../support/test-sts.ts';
import { MIGRATIONS } from '../../../subgraphs/sts/migrations.ts';

const CREDENTIALS = { grant_type: 'client_credentials' };
const keys = await Promise.all(
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

describeStores('client authentication', (openStore) => {
  const clock = createStoppedClock();
  let sts: TestSts;
  let replica: TestSts;
  let store: TestStore;
  beforeAll(async () => {
    store = await openStore('sts', MIGRATIONS);
    const shared = { openStore, store, clock, bus: createInProcessBus(), policies: POLICIES };
    sts = await openTestSts(shared);
    replica = await openTestSts({ ...shared, secrets: sts.secrets, ca: sts.ca });
  });
  afterAll(async () => {
    await sts.close();
    await replica.close();
  });

  const outcome = ({ status, body }: TokenAnswer): unknown[] => [status, body['error']];
  const failed = [401, 'invalid_client'];
  const seconds = (): number => epochSeconds(clock);
  let count = 0;
  async function assertion(claims: object = {}, header: object = {}, signer = keys[0]): Promise<string> {
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
  }
  const present = (client_assertion: string, form: object = {}, at = sts): Promise<TokenAnswer> =>
    at.token({ ...CREDENTIALS, client_assertion, client_assertion_type: ASSERTION_TYPE_JWT_BEARER, ...form });

  describe('client secrets', () => {
    test('are stored as salted hashes alone', async () => {
      const { rows } = await store.writer.query('SELECT * FROM client_secrets');
      expect(rows.length).toBeGreaterThan(0);
      for (const secret of Object.values(SECRETS)) expect(JSON.stringify(rows)).not.toContain(secret);
    });
    test('a remembered success does not make a wrong secret right, nor survive another client', async () => {
      expect((await sts.token(CREDENTIALS, { headers: basic('bff') })).status).toBe(200);
      expect(outcome(await sts.token(CREDENTIALS, { headers: basic('bff', SECRETS['operator']) }))).toEqual(
        failed,
      );
      expect(outcome(await sts.token(CREDENTIALS, { headers: basic('operator', SECRETS['bff']) }))).toEqual(
        failed,
      );
    });
    test('a secret that only the form-encoded reading fits is accepted', async () => {
      const id = encodeURIComponent('bff');
      const secret = encodeURIComponent(SECRETS['bff'] ?? '');
      expect((await sts.token(CREDENTIALS, { headers: basic(id, secret) })).status).toBe(200);
    });
    test.each([
      ['no colon', 'Basic YmZm'],
      ['no base64', 'Basic !!!'],
      ['an empty id', `Basic ${Buffer.from(':x').toString('base64')}`],
      ['another scheme', 'Digest x'],
    ])('%s is invalid_client', async (_name, authorization) => {
      expect(outcome(await sts.token(CREDENTIALS, { headers: { authorization } }))).toEqual(failed);
    });
    test('of many guesses at once no more are compared than are allowed in a minute', async () => {
      const guesses = Array.from({ length: 60 }, () =>
        sts.token({ ...CREDENTIALS, client_id: 'whoever', client_secret: 'wrong' }),
      );
      const statuses = (await Promise.all(guesses)).map(({ status }) => status);
      expect(statuses.filter((status) => status === 401)).toHaveLength(20);
      expect(statuses.filter((status) => status === 429)).toHaveLength(40);
    });

    test('guesses are limited per client and source, for all replicas together, the right one included', async () => {
      const guess = (at: TestSts, secret = 'wrong'): Promise<TokenAnswer> =>
        at.token(CREDENTIALS, { headers: basic('auditor', secret) });
      for (let tries = 0; tries < 9; tries += 1) {
        await sts.clients.attempts.countFailure('auditor', '127.0.0.1');
        await replica.clients.attempts.countFailure('auditor', '127.0.0.1');
      }
      expect(outcome(await guess(sts))).toEqual(failed);
      expect(outcome(await guess(replica))).toEqual(failed);
      const limited = await guess(sts, SECRETS['auditor']);
      expect(outcome(limited)).toEqual([429, 'invalid_client']);
      expect(Number(limited.headers['retry-after'])).toBeGreaterThan(0);
      expect((await guess(replica, SECRETS['auditor'])).status).toBe(429);
      expect((await sts.token(CREDENTIALS, { headers: basic('bff') })).status).toBe(200);
    });
    test('a relaying gateway names the source; nobody else can', async () => {
      const guess = (client_address: string, peer?: string) =>
        Promise.resolve(peer === undefined ? undefined : sts.peer(peer)).then((identity) =>
          sts.token(
            { ...CREDENTIALS, client_address },
            { headers: basic('nobody', 'wrong'), peer: identity },
          ),
        );
      for (let tries = 0; tries < 20; tries += 1)
        await sts.clients.attempts.countFailure('nobody', '198.51.100.1');
      expect((await guess('198.51.100.1', 'gateway')).status).toBe(429);
      expect((await guess('198.51.100.2', 'gateway')).status).toBe(401);
      expect((await guess('198.51.100.1')).status).toBe(401);
      expect((await guess('198.51.100.2\0', 'gateway')).status).toBe(401);
    });
  });

  describe('private_key_jwt', () => {
    test.each(keys)('$algorithm authenticates', async (signer) => {
      const { status, claims } = await present(await assertion({}, {}, signer));
      expect([status, claims.amr]).toEqual([200, ['private_key_jwt']]);
    });
    test.each([
      ['iss is not sub', { iss: 'operator' }, {}],
      ['sub is not iss', { sub: 'operator' }, {}],
      ['another client', { iss: 'operator', sub: 'operator' }, {}],
      ['aud is the token endpoint', { aud: `${ISSUER}/sts/token` }, {}],
      ['aud is a list', { aud: [ISSUER] }, {}],
      ['aud is another server', { aud: 'https://other.example' }, {}],
      ['typ at+jwt', {}, { typ: 'at+jwt' }],
      ['typ dpop+jwt', {}, { typ: 'dpop+jwt' }],
      ['typ of our own making', {}, { typ: 'x' }],
      ['no exp', { exp: undefined }, {}],
      ['expired', { exp: seconds() - 61 }, {}],
      ['an exp beyond five minutes', { exp: seconds() + 3_600 }, {}],
      ['iat in the future', { iat: seconds() + 120 }, {}],
      ['nbf in the future', { nbf: seconds() + 120 }, {}],
      ['no jti', { jti: undefined }, {}],
      ['an empty jti', { jti: '' }, {}],
      ['another algorithm than that of the key', {}, { kid: 'bff-RS256' }],
      ['an unknown kid', {}, { kid: 'unknown' }],
      ['a kid with a path', {}, { kid: '../../../etc/passwd' }],
      ['a kid with SQL', {}, { kid: "'; DROP TABLE signing_keys; --" }],
    ])('%s is refused', async (_name, claims, header) => {
      expect(outcome(await present(await assertion(claims, header)))).toEqual(failed);
    });
    test.each(['JWT', 'jwt', 'client-authentication+jwt', 'application/client-authentication+jwt'])(
      'typ %s is accepted',
      async (typ) => {
        expect((await present(await assertion({}, { typ }))).status).toBe(200);
      },
    );
    test('a client_id that does not agree is refused', async () => {
      expect(outcome(await present(await assertion(), { client_id: 'operator' }))).toEqual(failed);
    });
    test('an assertion works once, at any replica', async () => {
      const once = await assertion();
      expect((await present(once)).status).toBe(200);
      expect(outcome(await present(once))).toEqual(failed);
      expect(outcome(await present(once, {}, replica))).toEqual(failed);
    });
    test('fifty concurrent uses over two replicas give exactly one success', async () => {
      const once = await assertion();
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, index) => present(once, {}, index % 2 === 0 ? sts : replica)),
      );
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      expect(answers.filter(({ status }) => status === 401)).toHaveLength(49);
    });
    test('a restarted replica still knows what was used', async () => {
      const once = await assertion();
      await present(once);
      const restarted = await openTestSts({
        openStore,
        store,
        clock,
        policies: POLICIES,
        secrets: sts.secrets,
      });
      expect(outcome(await present(once, {}, restarted))).toEqual(failed);
      await restarted.close();
    });
    test('an assertion is refused while the store is unavailable', async () => {
      const { createClientAssertions } = await import('../../../subgraphs/sts/clients/client-assertion.ts');
      const assertions = createClientAssertions({
        policies: sts.clients.policies,
        database: { query: () => Promise.reject(new Error('away')) } as never,
        clock: sts.platform.clock,
        issuer: ISSUER,
      });
      await expect(assertions.verify(await assertion(), undefined)).rejects.toThrow('away');
    });
    test('none, HMAC with the public key, embedded keys and URLs are refused without any fetch', async () => {
      let fetches = 0;
      const trap = createServer((_request, response) => {
        fetches += 1;
        response.end('{"keys":[]}');
      });
      await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve));
      const url = `http://127.0.0.1:${String((trap.address() as AddressInfo).port)}/`;
      const [ec] = keys;
      const payload = (await assertion()).split('.')[1] ?? '';
      const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
      const hmac = await new SignJWT({ iss: 'bff', sub: 'bff', aud: ISSUER, jti: 'h', exp: seconds() + 60 })
        .setProtectedHeader({ alg: 'HS256', kid: 'bff-ES256' })
        .sign(Buffer.from(JSON.stringify(ec?.jwk)));
      const tokens = [
        `${encode({ alg: 'none', kid: 'bff-ES256' })}.${payload}.`,
        `${encode({ alg: 'nOnE', kid: 'bff-ES256' })}.${payload}.AA`,
        hmac,
        await assertion({}, { jwk: ec?.jwk }),
        await assertion({}, { jku: url }),
        await assertion({}, { x5u: url }),
      ];
      for (const token of tokens) expect(outcome(await present(token))).toEqual(failed);
      expect(fetches).toBe(0);
      trap.close();
    });
  });

  describe('tls_client_auth', () => {
    test('a certificate whose SPIFFE ID is registered authenticates, and the token is bound to it', async () => {
      const peer = await sts.peer('bff');
      const { status, claims } = await sts.token(CREDENTIALS, { peer });
      expect([status, claims.sub, claims.amr]).toEqual([200, 'bff', ['tls_client_auth']]);
      expect(claims.cnf).toEqual({ 'x5t#S256': peer.thumbprint });
    });
    test('a certificate beside Basic is not a second method and binds nothing', async () => {
      const { status, claims } = await sts.token(CREDENTIALS, {
        peer: await sts.peer('bff'),
        headers: basic('bff'),
      });
      expect([status, claims.amr, claims.cnf]).toEqual([200, ['client_secret_basic'], undefined]);
    });
    test.each([
      ['no certificate', undefined, undefined],
      ['the certificate of another client', 'operator', 'bff'],
      ['a certificate that nobody is registered with', 'unregistered', undefined],
    ])('%s is invalid_client', async (_name, service, client_id) => {
      const peer =
        service === undefined
          ? undefined
          : { ...(await sts.peer('bff')), spiffeId: `spiffe://aduana.local/${service}` };
      expect(outcome(await sts.token({ ...CREDENTIALS, client_id: client_id ?? '' }, { peer }))).toEqual(
        failed,
      );
    });
    test('a revoked certificate is invalid_client', async () => {
      const peer = await sts.peer('bff');
      const body = { entries: [{ id: 'c1', kind: 'certificate_revoked', thumbprint: peer.thumbprint }] };
      await sts.call({
        path: '/sts/status',
        headers: { 'content-type': 'application/json' },
        peer: await sts.peer('admin'),
        body: JSON.stringify(body),
      });
      expect(outcome(await sts.token(CREDENTIALS, { peer }))).toEqual(failed);
    });
    test('a method that is not registered for the client is refused', async () => {
      expect(
        outcome(
          await sts.token({
            ...CREDENTIALS,
            client_id: 'operator',
            client_secret: SECRETS['operator'] ?? '',
          }),
        ),
      ).toEqual(failed);
    });
  });

  test('a refusal takes the same work for an unknown client and for a wrong secret', async () => {
    const time = async (id: string): Promise<number> => {
      const times: number[] = [];
      for (let tries = 0; tries < 5; tries += 1) {
        times.push(await cpuMilliseconds(() => sts.clients.secrets.verify(id, `wrong-${String(tries)}`)));
      }
      return times.sort((a, b) => a - b)[2] ?? 0;
    };
    const known = await time('operator');
    const unknown = await time('nobody');
    expect(unknown / known).toBeGreaterThan(0.6);
    expect(unknown / known).toBeLessThan(1.7);
  });
});
