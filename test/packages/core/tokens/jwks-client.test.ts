import { beforeAll, describe, expect, test } from '@jest/globals';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { generateSigningKey } from '@aduana/server-kit/tokens/generate-signing-key';
import { createJwksClient, type FetchedJwks } from '@aduana/core/tokens/jwks-client';
import { parseJwkSet } from '@aduana/core/tokens/parse-jwk-set';
import type { JWK } from 'jose';
import { createFakeClock } from '../../../support/fake-clock.ts';

const log = createLog('silent', () => undefined);
let first: JWK;
let second: JWK;
beforeAll(async () => {
  first = (await generateSigningKey('ES256')).publicJwk;
  second = (await generateSigningKey('ES256')).publicJwk;
});

function openClient(answer: () => Promise<FetchedJwks>) {
  const clock = createFakeClock();
  const count = { fetches: 0 };
  const client = createJwksClient({
    fetch() {
      count.fetches += 1;
      return answer();
    },
    algorithms: ['ES256'],
    clock,
    log,
  });
  return { client, clock, count };
}
const serve = (...keys: JWK[]): FetchedJwks => ({ document: { keys }, maxAgeSeconds: 300 });

describe('the copy of a JWK set', () => {
  test('many who ask at once cause one fetch', async () => {
    const { client, count } = openClient(() => Promise.resolve(serve(first)));
    const found = await Promise.all(Array.from({ length: 50 }, () => client.find(first.kid ?? '')));
    expect(found.every((key) => key?.kid === first.kid)).toBe(true);
    expect(count.fetches).toBe(1);
  });

  test('a new key is found at once, an attack with unknown kids causes a bounded number of fetches', async () => {
    const keys = [first];
    const { client, clock, count } = openClient(() => Promise.resolve(serve(...keys)));
    await client.find(first.kid ?? '');
    keys.push(second);
    expect(await client.find(second.kid ?? '')).toBeDefined();
    for (let tries = 0; tries < 1_000; tries += 1)
      expect(await client.find(`unknown-${String(tries)}`)).toBeUndefined();
    expect(count.fetches).toBeLessThanOrEqual(4);
    await clock.advance(60_000);
    for (let tries = 0; tries < 1_000; tries += 1) await client.find(`more-${String(tries)}`);
    expect(count.fetches).toBeLessThanOrEqual(8);
  });

  test('it is refreshed in the background before it grows old', async () => {
    const { client, clock, count } = openClient(() => Promise.resolve(serve(first)));
    await client.find(first.kid ?? '');
    await clock.advance(295_000);
    await client.find(first.kid ?? '');
    await clock.advance(0);
    expect(count.fetches).toBe(2);
  });

  test('it outlives an hour without the issuer, and no more', async () => {
    const state = { away: false };
    const { client, clock } = openClient(() =>
      state.away ? Promise.reject(new Error('away')) : Promise.resolve(serve(first)),
    );
    await client.find(first.kid ?? '');
    state.away = true;
    await clock.advance(3_000_000);
    expect(await client.find(first.kid ?? '')).toBeDefined();
    await clock.advance(1_000_000);
    await expect(client.find(first.kid ?? '')).rejects.toMatchObject({
      code: 'STS_UNAVAILABLE',
      status: 503,
    });
    state.away = false;
    await clock.advance(10_000);
    expect(await client.find(first.kid ?? '')).toBeDefined();
  });

  test('without any copy it is unavailable, and heals by itself', async () => {
    const state = { away: true };
    const { client, clock } = openClient(() =>
      state.away ? Promise.reject(new Error('away')) : Promise.resolve(serve(first)),
    );
    for (let tries = 0; tries < 10; tries += 1)
      await expect(client.find('x')).rejects.toMatchObject({ code: 'STS_UNAVAILABLE' });
    state.away = false;
    await clock.advance(1_000);
    expect(await client.find(first.kid ?? '')).toBeDefined();
  });
});

describe('what a JWK set may hold', () => {
  test('private or symmetric members condemn it', async () => {
    const { privateJwk } = await generateSigningKey('ES256');
    await expect(parseJwkSet({ keys: [privateJwk] }, ['ES256'])).rejects.toThrow(TypeError);
    await expect(parseJwkSet({ keys: [{ kty: 'oct', k: 'AAAA', kid: 'x' }] }, ['HS256'])).rejects.toThrow(
      TypeError,
    );
  });
  test('keys for other uses, of other algorithms, without a kid are passed over', async () => {
    const keys = [
      { ...first, use: 'enc' },
      { ...first, alg: 'ES384' },
      { ...first, kid: undefined },
      { ...first, kty: 'RSA' },
      { ...second, key_ops: ['sign'] },
    ];
    expect((await parseJwkSet({ keys }, ['ES256', 'RS256'])).size).toBe(0);
  });
  test.each([[null], [{}], [{ keys: {} }], [{ keys: [null] }], [{ keys: [1] }]])(
    '%j is none',
    async (document) => {
      await expect(parseJwkSet(document, ['ES256'])).rejects.toThrow(TypeError);
    },
  );
  test('a kid that occurs twice condemns it', async () => {
    await expect(parseJwkSet({ keys: [first, first] }, ['ES256'])).rejects.toThrow(TypeError);
  });
});
