import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ASSERTION_TYPE_JWT_BEARER } from '@aduana/core/tokens/token-exchange';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import { decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { signJws } from '../support/sign-jws.ts';
import { describeStores } from '../support/stores.ts';
import { basic, ISSUER, openTestSts, type TestSts } from '../support/test-sts.ts';
import { openTokenFaces, type TokenFaces } from '../support/token-faces.ts';

const FACES = ['gateway', 'sts', 'subgraph'] as const;
/** Every other kind of JWT, signed by the very key of the STS, over the claims of a good access token. */
const OTHER_TYPES = [
  ['a client assertion', 'client-authentication+jwt'],
  ['a DPoP proof', 'dpop+jwt'],
  ['a transaction token', 'txntoken+jwt'],
  ['an ID token', 'JWT'],
  ['an ID token without a type', undefined],
  ['an introspection response', 'token-introspection+jwt'],
  ['a logout token', 'logout+jwt'],
  ['a security event', 'secevent+jwt'],
  ['a type that only begins alike', 'at+jwt2'],
  ['a list of types', 'at+jwt,JWT'],
] as const;

describeStores('a token of another type is refused', (openStore) => {
  let sts: TestSts;
  let faces: TokenFaces;
  beforeAll(async () => {
    sts = await openTestSts({ openStore, clients: ['bff', 'operator'] });
    faces = await openTokenFaces(sts);
  });
  afterAll(() => sts.close());

  async function claimsFor(more: object): Promise<AccessTokenClaims> {
    const { claims } = await sts.token({ grant_type: 'client_credentials' }, { headers: basic('operator') });
    return { ...claims, ...more };
  }
  function sign(claims: object, typ: string | undefined): Promise<string> {
    const signer = sts.ring.signer();
    const header = { alg: signer.algorithm, kid: signer.kid, ...(typ === undefined ? {} : { typ }) };
    return signJws(signer, header, claims);
  }

  describe.each(FACES)('shown to the %s', (face) => {
    test('the access token that they imitate is accepted', async () => {
      const token = await sign(await claimsFor(faces[face].claims), 'at+jwt');
      const answer = await faces[face].ask(token);
      expect(answer).toMatchObject({ status: 200 });
    });
    test.each(OTHER_TYPES)('%s is refused', async (_name, typ) => {
      const token = await sign(await claimsFor(faces[face].claims), typ);
      const { status, text } = await faces[face].ask(token);
      expect(status).toBe(401);
      expect(text).not.toContain('typ');
    });
  });

  test('an access token is no client assertion and no DPoP proof', async () => {
    const token = await sign(
      { ...(await claimsFor({ aud: ISSUER })), iss: 'operator', sub: 'operator' },
      'at+jwt',
    );
    const assertion = await sts.token({
      grant_type: 'client_credentials',
      client_assertion: token,
      client_assertion_type: ASSERTION_TYPE_JWT_BEARER,
    });
    expect([assertion.status, assertion.body['error']]).toEqual([401, 'invalid_client']);
    const proof = await sts.token(
      { grant_type: 'client_credentials' },
      { headers: { ...basic('bff'), dpop: token } },
    );
    expect([proof.status, proof.body['error']]).toEqual([400, 'invalid_dpop_proof']);
  });

  test('a DPoP proof is no client assertion, and an assertion no proof', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const now = Math.floor(Date.now() / 1000);
    const both = {
      iss: 'bff',
      sub: 'bff',
      aud: ISSUER,
      exp: now + 60,
      iat: now,
      jti: 'x',
      htm: 'POST',
      htu: `${ISSUER}/sts/token`,
    };
    const jwk = await exportJWK(publicKey);
    const asProof = await new SignJWT(both)
      .setProtectedHeader({ alg: 'ES256', typ: 'client-authentication+jwt', jwk })
      .sign(privateKey);
    const asAssertion = await new SignJWT(both)
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', kid: 'k' })
      .sign(privateKey);
    const proof = await sts.token(
      { grant_type: 'client_credentials' },
      { headers: { ...basic('bff'), dpop: asProof } },
    );
    const assertion = await sts.token({
      grant_type: 'client_credentials',
      client_assertion: asAssertion,
      client_assertion_type: ASSERTION_TYPE_JWT_BEARER,
    });
    expect(proof.body['error']).toBe('invalid_dpop_proof');
    expect(assertion.body['error']).toBe('invalid_client');
  });

  test('every refusal at the token endpoint has its audit event with the reason', async () => {
    const token = await sign(await claimsFor({ aud: 'gateway' }), 'JWT');
    await sts.token(
      {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: token,
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      },
      { peer: await sts.peer('gateway') },
    );
    expect(decodeJwt(token).aud).toBe('gateway');
    expect(sts.records.at(-1)).toMatchObject({
      type: 'token.refuse',
      actor: { sub: 'gateway' },
      detail: { error: 'invalid_request', reason: 'typ' },
    });
    expect(JSON.stringify(sts.records)).not.toContain(token);
  });
});
