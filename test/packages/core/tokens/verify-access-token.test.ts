import { beforeAll, describe, expect, test } from '@jest/globals';
import { generateKeyPair, SignJWT } from 'jose';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import { generateSigningKey } from '@aduana/server-kit/tokens/generate-signing-key';
import type { KeySource } from '@aduana/core/tokens/key-source';
import { parseJwkSet } from '@aduana/core/tokens/parse-jwk-set';
import { requireBinding } from '@aduana/core/tokens/require-binding';
import { importSigningKey } from '@aduana/server-kit/tokens/import-signing-key';
import { signAccessToken, type SigningKey } from '@aduana/server-kit/tokens/sign-access-token';
import { SIGNING_ALGORITHMS } from '@aduana/core/tokens/signing-algorithm';
import { createAccessTokenVerifier, type TokenStatus } from '@aduana/core/tokens/verify-access-token';
import { createFakeClock } from '../../../support/fake-clock.ts';
import { signJws } from '../../../support/sign-jws.ts';

const ISSUER = 'https://localhost:8011';
const clock = createFakeClock();
const now = Math.floor(clock.now() / 1000);

const CLAIMS: AccessTokenClaims = {
  iss: ISSUER,
  aud: 'leads',
  sub: 'bff',
  client_id: 'gateway',
  jti: 'jti-1',
  root_jti: 'root-1',
  iat: now,
  exp: now + 900,
  scope: 'leads:read campaigns:read',
  roles: ['bff'],
  amr: ['client_secret_basic'],
  auth_time: now,
  sub_kind: 'service',
  sub_iss: ISSUER,
};

const calm: TokenStatus = {
  isTokenRevoked: () => false,
  isKeyRevoked: () => false,
  isSubjectRevoked: () => false,
  isServiceSuspended: () => false,
  isCertificateRevoked: () => false,
  assertFresh: () => undefined,
};

let key: SigningKey;
let keys: KeySource;
let finds = 0;
beforeAll(async () => {
  const generated = await generateSigningKey('ES256');
  key = importSigningKey('ES256', generated.privateJwk);
  const known = await parseJwkSet({ keys: [generated.publicJwk] }, SIGNING_ALGORITHMS);
  keys = {
    find(kid) {
      finds += 1;
      return Promise.resolve(known.get(kid));
    },
  };
});

const verifier = (status: Partial<TokenStatus> = {}, at = clock) =>
  createAccessTokenVerifier({
    issuer: ISSUER,
    audience: 'leads',
    keys,
    status: { ...calm, ...status },
    clock: at,
  });
const sign = (claims: object, header: object = {}): Promise<string> =>
  signJws(key, { alg: 'ES256', kid: key.kid, typ: 'at+jwt', ...header }, claims);
const refusal = (detail?: string): Error =>
  expect.objectContaining({
    code: 'invalid_token',
    status: 401,
    ...(detail === undefined ? {} : { detail }),
  }) as unknown as Error;

test('an access token has typ at+jwt and all claims of RFC 9068', async () => {
  const token = await signAccessToken(CLAIMS, key);
  const { claims, kid, scopes } = await verifier()(token);
  expect(claims).toEqual(CLAIMS);
  expect(kid).toBe(key.kid);
  expect([...scopes]).toEqual(['leads:read', 'campaigns:read']);
});

test.each(SIGNING_ALGORITHMS)('%s signs and verifies', async (algorithm) => {
  const generated = await generateSigningKey(algorithm);
  const signer = importSigningKey(algorithm, generated.privateJwk);
  const known = await parseJwkSet({ keys: [generated.publicJwk] }, SIGNING_ALGORITHMS);
  const verify = createAccessTokenVerifier({
    issuer: ISSUER,
    audience: 'leads',
    keys: { find: (kid) => Promise.resolve(known.get(kid)) },
    status: calm,
    clock,
  });
  await expect(verify(await signAccessToken(CLAIMS, signer))).resolves.toMatchObject({ claims: CLAIMS });
});

describe('access tokens', () => {
  test.each([
    ['another issuer', { iss: 'https://evil.example' }, {}],
    ['another audience', { aud: 'gateway' }, {}],
    ['two audiences', { aud: ['leads', 'gateway'] }, {}],
    ['an expired token', { exp: now - 1 }, {}],
    ['a token that expires this second', { exp: now }, {}],
    ['a token that is not valid yet', { nbf: now + 60 }, {}],
    ['a token of the future', { iat: now + 60 }, {}],
    ['no typ', {}, { typ: undefined }],
    ['typ JWT', {}, { typ: 'JWT' }],
    ['an exp that is text', { exp: String(now + 900) }, {}],
    ['a scope that is a list', { scope: ['leads:read'] }, {}],
    ['an empty subject', { sub: '' }, {}],
    ['an unknown confirmation', { cnf: { jwk: {} } }, {}],
    ['an empty confirmation', { cnf: {} }, {}],
  ])('%s is refused', async (_name, claims, header) => {
    await expect(verifier()(await sign({ ...CLAIMS, ...claims }, header))).rejects.toThrow(refusal());
  });
  test.each(Object.keys(CLAIMS))('a token without %s is refused', async (name) => {
    const claims = Object.fromEntries(Object.entries(CLAIMS).filter(([claim]) => claim !== name));
    await expect(verifier()(await sign(claims))).rejects.toThrow(refusal());
  });
  test.each(['AT+JWT', 'application/at+jwt', 'Application/At+Jwt'])(
    'typ %s is the same media type',
    async (typ) => {
      await expect(verifier()(await sign(CLAIMS, { typ }))).resolves.toBeDefined();
    },
  );
});

test('a chain of more than eight actors is refused', async () => {
  const chain = (depth: number): object => ({ sub: 'a', ...(depth > 1 ? { act: chain(depth - 1) } : {}) });
  await expect(verifier()(await sign({ ...CLAIMS, act: chain(8) }))).resolves.toBeDefined();
  await expect(verifier()(await sign({ ...CLAIMS, act: chain(9) }))).rejects.toThrow(refusal());
});

describe('what the status feed says is asked each time, also for a token that was seen', () => {
  test.each<[string, object, (state: { bad: boolean }) => Partial<TokenStatus>]>([
    ['its id is revoked', {}, (s) => ({ isTokenRevoked: (jti) => s.bad && jti === 'jti-1' })],
    ['its root is revoked', {}, (s) => ({ isTokenRevoked: (_jti, root) => s.bad && root === 'root-1' })],
    ['its key is compromised', {}, (s) => ({ isKeyRevoked: (kid) => s.bad && kid === key.kid })],
    ['its subject is suspended', {}, (s) => ({ isServiceSuspended: (id) => s.bad && id === 'bff' })],
    ['its client is suspended', {}, (s) => ({ isServiceSuspended: (id) => s.bad && id === 'gateway' })],
    [
      'an actor is suspended',
      { act: { sub: 'gateway', act: { sub: 'deep' } } },
      (s) => ({ isServiceSuspended: (id) => s.bad && id === 'deep' }),
    ],
    [
      'its certificate is revoked',
      { cnf: { 'x5t#S256': 'thumb' } },
      (s) => ({ isCertificateRevoked: (thumbprint) => s.bad && thumbprint === 'thumb' }),
    ],
  ])('refused once %s', async (_name, claims, status) => {
    const state = { bad: false };
    const verify = verifier(status(state));
    const token = await sign({ ...CLAIMS, ...claims });
    await expect(verify(token)).resolves.toBeDefined();
    state.bad = true;
    await expect(verify(token)).rejects.toThrow(refusal());
  });
  test('a user whose name is that of a suspended service is not that service', async () => {
    const verify = verifier({ isServiceSuspended: (id) => id === 'bff' });
    const user = { ...CLAIMS, sub_kind: 'user', sub_iss: 'https://idp.example' };
    await expect(verify(await sign(user))).resolves.toBeDefined();
  });
  test('a copy that is too old to tell answers 503, not yes', async () => {
    const stale = (): never => {
      throw Object.assign(new Error('stale'), { code: 'STATUS_UNAVAILABLE' });
    };
    await expect(verifier({ assertFresh: stale })(await sign(CLAIMS))).rejects.toThrow('stale');
  });
});

test('a seen token is not verified again, and is refused from the second of its expiry', async () => {
  const moving = createFakeClock();
  const verify = verifier({}, moving);
  const token = await sign(CLAIMS);
  await verify(token);
  const before = finds;
  await verify(token);
  expect(finds).toBe(before);
  await moving.advance(900_000);
  await expect(verify(token)).rejects.toThrow(refusal());
});

describe('a bound token', () => {
  const bound = (cnf?: object) =>
    ({
      claims: { ...CLAIMS, ...(cnf === undefined ? {} : { cnf }) },
      kid: 'k',
      scopes: new Set<string>(),
    }) as never;
  const certificate = { 'x5t#S256': 'mine' };
  test.each([
    ['another certificate', certificate, { certificateThumbprint: 'yours' }, false],
    ['no certificate', certificate, { certificateThumbprint: undefined }, false],
    ['no binding where one is required', undefined, { certificateThumbprint: 'mine' }, true],
    ['a DPoP token sent as Bearer', { jkt: 'key' }, { certificateThumbprint: 'mine' }, false],
    [
      'another DPoP key',
      { jkt: 'key' },
      { certificateThumbprint: undefined, dpopThumbprint: 'other' },
      false,
    ],
    [
      'a proof beside a token without jkt',
      certificate,
      { certificateThumbprint: 'mine', dpopThumbprint: 'k' },
      false,
    ],
    ['one of two bindings', { ...certificate, jkt: 'key' }, { certificateThumbprint: 'mine' }, false],
  ])('%s is refused', (_name, cnf, shown, required) => {
    expect(() => { requireBinding(bound(cnf), shown, required); }).toThrow(refusal()); // prettier-ignore
  });
  test('the certificate that it is bound to is accepted', () => {
    expect(() => { requireBinding(bound(certificate), { certificateThumbprint: 'mine' }, true); }).not.toThrow(); // prettier-ignore
  });
});

test('a key of another kind under the same kid is refused', async () => {
  const { privateKey } = await generateKeyPair('RS256');
  const token = await new SignJWT({ ...CLAIMS })
    .setProtectedHeader({ alg: 'RS256', kid: key.kid, typ: 'at+jwt' })
    .sign(privateKey);
  await expect(verifier()(token)).rejects.toThrow(refusal('the key has another algorithm'));
});
