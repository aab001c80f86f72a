import { describe, expect, test } from '@jest/globals';
import { sha256Base64url } from '@aduana/core/platform/digest';
import { createSpentProofs } from '@aduana/core/tokens/spent-proofs';
import { createDpopVerifier } from '@aduana/core/tokens/verify-dpop-proof';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { createFakeClock } from '../../../support/fake-clock.ts';

const URL = 'https://localhost:4443/graphql';
const TOKEN = 'the.access.token';
const clock = createFakeClock();
const now = clock.now() / 1000;
const pair = await generateKeyPair('ES256', { extractable: true });
const jwk = await exportJWK(pair.publicKey);
const jkt = await calculateJwkThumbprint(jwk);
let count = 0;

function prove(claims: object = {}, header: object = {}): Promise<string> {
  count += 1;
  const usual = { htm: 'POST', htu: URL, iat: now, jti: `p${String(count)}`, ath: sha256Base64url(TOKEN) };
  return new SignJWT({ ...usual, ...claims })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk, ...header })
    .sign(pair.privateKey);
}
const open = () => createDpopVerifier({ clock, spend: createSpentProofs(clock) });
const REQUEST = { method: 'POST', url: URL, accessToken: TOKEN };

describe('a DPoP proof', () => {
  test('proves the possession of its key', async () => {
    expect(await open()(await prove(), REQUEST)).toBe(jkt);
  });
  test('is not tied to query or fragment, nor to the writing of the host', async () => {
    const proof = await prove({ htu: 'HTTPS://LOCALHOST:4443/graphql?x=1#y' });
    expect(await open()(proof, REQUEST)).toBe(jkt);
  });
  test('works once', async () => {
    const verify = open();
    const proof = await prove();
    await verify(proof, REQUEST);
    await expect(verify(proof, REQUEST)).rejects.toMatchObject({ code: 'invalid_dpop_proof' });
  });
  test('is not used again after a restart of a process that remembers proofs by itself', async () => {
    const restarted = () =>
      createDpopVerifier({ clock, spend: createSpentProofs(clock), rememberedSince: (now + 2) * 1000 + 500 });
    const old = await prove({ iat: now + 1 });
    await open()(old, REQUEST);
    await expect(restarted()(old, REQUEST)).rejects.toMatchObject({ code: 'invalid_dpop_proof' });
    expect(await restarted()(await prove({ iat: now + 2 }), REQUEST)).toBe(jkt);
  });
  test.each<[string, object, object]>([
    ['another method', { htm: 'GET' }, {}],
    ['another URL', { htu: 'https://localhost:4443/other' }, {}],
    ['another host', { htu: 'https://evil.example/graphql' }, {}],
    ['no URL', { htu: 'not a url' }, {}],
    ['an old iat', { iat: now - 61 }, {}],
    ['an iat of the future', { iat: now + 10 }, {}],
    ['no iat', { iat: undefined }, {}],
    ['no jti', { jti: undefined }, {}],
    ['an empty jti', { jti: '' }, {}],
    ['the hash of another token', { ath: sha256Base64url('other') }, {}],
    ['no hash of the token', { ath: undefined }, {}],
    ['typ JWT', {}, { typ: 'JWT' }],
    ['typ at+jwt', {}, { typ: 'at+jwt' }],
    ['no key', {}, { jwk: undefined }],
    ['a key that is no object', {}, { jwk: 'x' }],
    ['critical extensions', {}, { crit: ['b64'], b64: true }],
  ])('with %s is refused', async (_name, claims, header) => {
    await expect(open()(await prove(claims, header), REQUEST)).rejects.toMatchObject({
      code: 'invalid_dpop_proof',
    });
  });
  test('with a private key in its header is refused', async () => {
    const privateJwk: JWK = await exportJWK(pair.privateKey);
    const proof = await prove({}, { jwk: privateJwk });
    await expect(open()(proof, REQUEST)).rejects.toMatchObject({ code: 'invalid_dpop_proof' });
  });
  test('with a symmetric key is refused', async () => {
    const proof = await new SignJWT({
      htm: 'POST',
      htu: URL,
      iat: now,
      jti: 'hmac',
      ath: sha256Base64url(TOKEN),
    })
      .setProtectedHeader({ alg: 'HS256', typ: 'dpop+jwt', jwk: { kty: 'oct', k: 'AAAA' } as JWK })
      .sign(Buffer.alloc(32));
    await expect(open()(proof, REQUEST)).rejects.toMatchObject({ code: 'invalid_dpop_proof' });
  });
  test('with another signature is refused', async () => {
    const other = await exportJWK((await generateKeyPair('ES256', { extractable: true })).publicKey);
    await expect(open()(await prove({}, { jwk: other }), REQUEST)).rejects.toMatchObject({
      code: 'invalid_dpop_proof',
    });
  });
  test('with a nonce that is not ours is told which one to use, and with that one it holds', async () => {
    const verify = open();
    const refusal = (await verify(await prove({ nonce: 'stale' }), REQUEST).catch(
      (error: unknown) => error,
    )) as {
      code: string;
      extensions: { nonce: string };
    };
    expect(refusal.code).toBe('use_dpop_nonce');
    expect(await verify(await prove({ nonce: refusal.extensions.nonce }), REQUEST)).toBe(jkt);
  });
});
