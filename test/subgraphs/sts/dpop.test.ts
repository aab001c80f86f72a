import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { requireAccessToken } from '@aduana/core/http/require-access-token';
import { sha256Base64url } from '@aduana/core/platform/digest';
import { createSpentProofs } from '@aduana/core/tokens/spent-proofs';
import { createDpopVerifier } from '@aduana/core/tokens/verify-dpop-proof';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { createServiceRequest } from '../../support/service-request.ts';
import { describeStores } from '../../support/stores.ts';
import { basic, ISSUER, openTestSts, type TestSts } from '../../support/test-sts.ts';

const GATEWAY = 'https://localhost:4443/graphql';

describeStores('DPoP-bound tokens', (openStore) => {
  let sts: TestSts;
  let pair: Awaited<ReturnType<typeof generateKeyPair>>;
  beforeAll(async () => {
    sts = await openTestSts({ openStore, clients: ['bff'] });
    pair = await generateKeyPair('ES256', { extractable: true });
  });
  afterAll(() => sts.close());

  async function prove(htu: string, accessToken?: string): Promise<string> {
    return new SignJWT({
      htm: 'POST',
      htu,
      iat: Math.floor(Date.now() / 1000),
      jti: String(Math.random()),
      ...(accessToken === undefined ? {} : { ath: sha256Base64url(accessToken) }),
    })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(pair.publicKey) })
      .sign(pair.privateKey);
  }
  const ask = (dpop: string, repeated: string[] = []) =>
    sts.token({ grant_type: 'client_credentials' }, { headers: { ...basic('bff'), dpop }, repeated });

  test('a proof at the token endpoint binds the token to its key', async () => {
    const { body, claims } = await ask(await prove(`${ISSUER}/sts/token`));
    expect(body['token_type']).toBe('DPoP');
    expect(claims.cnf).toEqual({ jkt: await calculateJwkThumbprint(await exportJWK(pair.publicKey)) });
  });

  test('a bad, a used or a second proof gives no token', async () => {
    const used = await prove(`${ISSUER}/sts/token`);
    await ask(used);
    for (const [proof, repeated] of [
      ['garbage', []],
      [await prove('https://evil.example/'), []],
      [used, []],
      [await prove(`${ISSUER}/sts/token`), ['dpop']],
    ] as const) {
      const { status, body } = await ask(proof, [...repeated]);
      expect([status, body['error']]).toEqual([400, 'invalid_dpop_proof']);
    }
  });

  test('the token works beside a proof of its key, and not as Bearer, nor twice, nor with another proof', async () => {
    const { body } = await ask(await prove(`${ISSUER}/sts/token`));
    const token = String(body['access_token']);
    const clock = sts.platform.clock;
    const rules = {
      bindingRequired: false,
      dpop: { verify: createDpopVerifier({ clock, spend: createSpentProofs(clock) }), url: GATEWAY },
    };
    const send = (authorization: string, dpop?: string) =>
      requireAccessToken(
        createServiceRequest({ headers: { authorization, ...(dpop === undefined ? {} : { dpop }) } }),
        sts.verifyAny,
        rules,
      );
    const proof = await prove(GATEWAY, token);
    await expect(send(`DPoP ${token}`, proof)).resolves.toBeDefined();
    await expect(send(`DPoP ${token}`, proof)).rejects.toMatchObject({
      code: 'invalid_dpop_proof',
      status: 401,
    });
    await expect(send(`DPoP ${token}`)).rejects.toMatchObject({ code: 'invalid_dpop_proof' });
    await expect(send(`Bearer ${token}`)).rejects.toMatchObject({ code: 'invalid_token', status: 401 });
    await expect(send(`Bearer ${token}`, await prove(GATEWAY, token))).rejects.toMatchObject({
      code: 'invalid_token',
    });
    await expect(send(`DPoP ${token}`, await prove(GATEWAY, 'other'))).rejects.toMatchObject({
      code: 'invalid_dpop_proof',
    });
  });

  test('a bearer token beside a proof is not a DPoP token', async () => {
    const { body } = await sts.token({ grant_type: 'client_credentials' }, { headers: basic('bff') });
    const token = String(body['access_token']);
    const clock = sts.platform.clock;
    const dpop = { verify: createDpopVerifier({ clock, spend: createSpentProofs(clock) }), url: GATEWAY };
    const request = createServiceRequest({
      headers: { authorization: `DPoP ${token}`, dpop: await prove(GATEWAY, token) },
    });
    await expect(
      requireAccessToken(request, sts.verifyAny, { bindingRequired: false, dpop }),
    ).rejects.toMatchObject({
      code: 'invalid_token',
    });
  });
});
