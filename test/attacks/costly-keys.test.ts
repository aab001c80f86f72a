import { describe, expect, test } from '@jest/globals';
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { requireAccessToken } from '@aduana/core/http/require-access-token';
import { sha256Base64url } from '@aduana/core/platform/digest';
import type { VerifiedToken } from '@aduana/core/tokens/access-token';
import { parseJwkSet } from '@aduana/core/tokens/parse-jwk-set';
import { createDpopVerifier } from '@aduana/core/tokens/verify-dpop-proof';
import { createFakeClock } from '../support/fake-clock.ts';
import { createServiceRequest } from '../support/service-request.ts';

const URL = 'https://localhost:4443/graphql';
const TOKEN = 'the.access.token';
const clock = createFakeClock();

const pair = (exponent = 65_537) =>
  generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: exponent });
const jwkOf = (key: KeyObject) => createPublicKey(key).export({ format: 'jwk' });
const own = pair();

function prove(key: KeyObject, jwk: object = jwkOf(key), damage = (signature: Buffer) => signature): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const header = encode({ alg: 'RS256', typ: 'dpop+jwt', jwk });
  const iat = clock.now() / 1000;
  const jti = sha256Base64url(String(Math.random()));
  const signed = `${header}.${encode({ htm: 'POST', htu: URL, iat, jti, ath: sha256Base64url(TOKEN) })}`;
  return `${signed}.${damage(sign('sha256', Buffer.from(signed), key)).toString('base64url')}`;
}

// The attacker: a caller with a token, whose proofs carry keys that are made to cost much at each verification.
describe('an RSA key whose use is costly', () => {
  const verify = createDpopVerifier({ clock, spend: () => true });
  const request = { method: 'POST', url: URL, accessToken: TOKEN };
  const large = { ...jwkOf(own.privateKey), n: randomBytes(513).toString('base64url') };
  const long = { ...jwkOf(own.privateKey), e: jwkOf(own.privateKey).n };

  test('proves nothing: an exponent other than 65537, a modulus of more than 4096 bits', async () => {
    await expect(verify(prove(own.privateKey), request)).resolves.toEqual(expect.any(String));
    for (const proof of [
      prove(own.privateKey, long),
      prove(pair(3).privateKey),
      prove(own.privateKey, large),
    ])
      await expect(verify(proof, request)).rejects.toMatchObject({
        code: 'invalid_dpop_proof',
        detail: 'an RSA key outside the bounds',
      });
  });

  test('is passed over in the keys of issuers and clients', async () => {
    const keys = [
      { ...jwkOf(own.privateKey), kid: 'usual' },
      { ...long, kid: 'long exponent' },
      { ...jwkOf(pair(3).privateKey), kid: 'short exponent' },
      { ...large, kid: 'long modulus' },
    ];
    expect([...(await parseJwkSet({ keys }, ['RS256'])).keys()]).toEqual(['usual']);
  });
});

// The same with usual keys that are not those of the token.
describe('a proof of a key that the token is not bound to', () => {
  const spent: string[] = [];
  const dpop = {
    url: URL,
    verify: createDpopVerifier({
      clock,
      spend: (id) => {
        spent.push(id);
        return true;
      },
    }),
  };
  const ask = (cnf: object | undefined, proof: string) =>
    requireAccessToken(
      createServiceRequest({ headers: { authorization: `DPoP ${TOKEN}`, dpop: proof } }),
      () => Promise.resolve({ claims: { cnf }, scopes: new Set() } as unknown as VerifiedToken),
      { bindingRequired: false, dpop },
    );
  const flip = (signature: Buffer) => {
    signature[9] = (signature[9] ?? 0) ^ 1;
    return signature;
  };

  test.each([
    ['another key', { jkt: sha256Base64url('another') }, 'the token is bound to another DPoP key'],
    ['no key', undefined, 'a DPoP proof beside a token without jkt'],
    ['a certificate alone', { 'x5t#S256': 'x' }, 'a DPoP proof beside a token without jkt'],
  ])('is refused before its signature is verified: a token of %s', async (_, cnf, detail) => {
    for (const proof of [prove(own.privateKey), prove(own.privateKey, undefined, flip)])
      await expect(ask(cnf, proof)).rejects.toMatchObject({ code: 'invalid_token', status: 401, detail });
    expect(spent).toEqual([]);
  });
});
