import { describe, expect, test } from '@jest/globals';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';
import { createAssertionRate } from '../../../subgraphs/sts/clients/assertion-rate.ts';
import { describeStores } from '../../support/stores.ts';
import { ISSUER } from '../../support/test-sts.ts';
import { FAILED, keys, openAuthenticatingSts, outcomeOf } from '../../support/authenticating-sts.ts';

describeStores('client authentication by assertion', (openStore) => {
  const world = openAuthenticatingSts(openStore);
  const { assertion, present, seconds } = world;

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
      expect(outcomeOf(await present(await assertion(claims, header)))).toEqual(FAILED);
    });
    test.each(['JWT', 'jwt', 'client-authentication+jwt', 'application/client-authentication+jwt'])(
      'typ %s is accepted',
      async (typ) => {
        expect((await present(await assertion({}, { typ }))).status).toBe(200);
      },
    );
    test('a client_id that does not agree is refused', async () => {
      expect(outcomeOf(await present(await assertion(), { client_id: 'operator' }))).toEqual(FAILED);
    });
    test('an assertion works once, at any replica', async () => {
      const once = await assertion();
      expect((await present(once)).status).toBe(200);
      expect(outcomeOf(await present(once))).toEqual(FAILED);
      expect(outcomeOf(await present(once, {}, world.replica))).toEqual(FAILED);
    });
    test('fifty concurrent uses over two replicas give exactly one success', async () => {
      const once = await assertion();
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          present(once, {}, index % 2 === 0 ? world.sts : world.replica),
        ),
      );
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      expect(answers.filter(({ status }) => status === 401)).toHaveLength(49);
    });
    test('a restarted replica still knows what was used', async () => {
      const once = await assertion();
      await present(once);
      const restarted = await world.restart();
      expect(outcomeOf(await present(once, {}, restarted))).toEqual(FAILED);
      await restarted.close();
    });
    test('an assertion is refused while the store is unavailable', async () => {
      const { createClientAssertions } = await import('../../../subgraphs/sts/clients/client-assertion.ts');
      const assertions = createClientAssertions({
        policies: world.sts.clients.policies,
        database: { query: () => Promise.reject(new Error('away')) } as never,
        clock: world.sts.platform.clock,
        issuer: ISSUER,
        rate: createAssertionRate('off', world.sts.platform.clock),
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
      for (const token of tokens) expect(outcomeOf(await present(token))).toEqual(FAILED);
      expect(fetches).toBe(0);
      trap.close();
    });
  });
});
