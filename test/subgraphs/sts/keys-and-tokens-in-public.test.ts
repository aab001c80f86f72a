import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { calculateJwkThumbprint, type JWK } from 'jose';
import type { ServiceResponse } from '@aduana/core/http/route';
import { prune } from '../../../subgraphs/sts/prune.ts';
import { describeSigningKeys } from '../../support/signing-keys.ts';
import { basic, ISSUER, openTestSts, type TestSts } from '../../support/test-sts.ts';

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

describeSigningKeys('keys, metadata, introspection and revocation', (world) => {
  let sts: TestSts;
  beforeAll(async () => {
    sts = await openTestSts({ ...world, clients: ['bff', 'operator'] });
  });
  afterAll(() => sts.close());

  const json = ({ body }: ServiceResponse): Record<string, unknown> =>
    JSON.parse(String(body)) as Record<string, unknown>;
  const tokenOf = async (service: string): Promise<string> =>
    String(
      (await sts.token({ grant_type: 'client_credentials' }, { headers: basic(service) })).body[
        'access_token'
      ],
    );
  const post = (path: string, form: Record<string, string>, parts: object = {}): Promise<ServiceResponse> =>
    sts.call({
      path,
      body: new URLSearchParams(form).toString(),
      ...parts,
      headers: { ...FORM, ...(parts as { headers?: object }).headers },
    });

  describe('the JWKS', () => {
    const get = (headers = {}): Promise<ServiceResponse> =>
      sts.call({ method: 'GET', path: '/sts/jwks', headers });
    test('each kid is the RFC 7638 thumbprint, no private member is shown, the media type is its own', async () => {
      const answer = await get();
      expect(answer.headers?.['content-type']).toBe('application/jwk-set+json');
      for (const jwk of json(answer)['keys'] as JWK[]) {
        expect(jwk.kid).toBe(await calculateJwkThumbprint(jwk));
        expect(Object.keys(jwk).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
      }
    });
    test('it holds the active and the pending key', async () => {
      expect(json(await get())['keys']).toHaveLength(2);
    });
    test('it may be cached for a bounded time, and is not sent again to a client that has it', async () => {
      const { headers = {} } = await get();
      expect(headers['cache-control']).toBe('public, max-age=300');
      const again = await get({ 'if-none-match': headers['etag'] });
      expect([again.status, again.body]).toEqual([304, undefined]);
      expect((await get({ 'if-none-match': '"other"' })).status).toBe(200);
    });
  });

  test('the metadata names the issuer byte for byte, and never `none`', async () => {
    const answer = await sts.call({ method: 'GET', path: '/.well-known/oauth-authorization-server' });
    const metadata = json(answer);
    expect(metadata['issuer']).toBe(ISSUER);
    expect(metadata['token_endpoint']).toBe(`${ISSUER}/sts/token`);
    expect(String(answer.body)).not.toContain('none');
  });

  describe('introspection', () => {
    test('needs a client', async () => {
      const { status } = await post('/sts/introspect', { token: await tokenOf('bff') });
      expect(status).toBe(401);
    });
    test('tells the holder of sts:tokens:introspect what a token says, and is not to be stored', async () => {
      const answer = await post(
        '/sts/introspect',
        { token: await tokenOf('bff') },
        { headers: basic('operator') },
      );
      expect(json(answer)).toMatchObject({ active: true, sub: 'bff', aud: 'gateway', token_type: 'Bearer' });
      expect(answer.headers?.['cache-control']).toBe('no-store');
    });
    test('tells a token to its own audience', async () => {
      const peer = await sts.peer('gateway');
      expect(json(await post('/sts/introspect', { token: await tokenOf('bff') }, { peer }))['active']).toBe(
        true,
      );
    });
    test('shows what the token is bound to', async () => {
      const peer = await sts.peer('bff');
      const { body } = await sts.token({ grant_type: 'client_credentials' }, { peer });
      const answer = await post(
        '/sts/introspect',
        { token: String(body['access_token']) },
        { headers: basic('operator') },
      );
      expect(json(answer)['cnf']).toEqual({ 'x5t#S256': peer.thumbprint });
    });
    test.each([['garbage'], ['e30.e30.e30'], ['']])(
      'of %j reveals nothing but that it is inactive',
      async (token) => {
        const answer = await post(
          '/sts/introspect',
          { token: token === '' ? 'x' : token },
          { headers: basic('operator') },
        );
        expect(answer.body).toBe('{"active":false}');
      },
    );
    test('to anybody else every token is inactive', async () => {
      const answer = await post(
        '/sts/introspect',
        { token: await tokenOf('operator') },
        { headers: basic('bff') },
      );
      expect(answer.body).toBe('{"active":false}');
    });
  });

  describe('revocation', () => {
    test('ends a token and what descends from it, at once', async () => {
      const token = await tokenOf('bff');
      const narrowed = await sts.token(
        {
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          subject_token: token,
          subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
          audience: 'leads',
        },
        { peer: await sts.peer('gateway') },
      );
      expect((await post('/sts/revoke', { token }, { headers: basic('bff') })).status).toBe(200);
      await expect(sts.verifyAny(token)).rejects.toMatchObject({ code: 'invalid_token' });
      await expect(sts.verifyAny(String(narrowed.body['access_token']))).rejects.toMatchObject({
        code: 'invalid_token',
      });
    });
    test('answers 200 to what is no token, and leaves that of another client untouched', async () => {
      expect((await post('/sts/revoke', { token: 'garbage' }, { headers: basic('bff') })).status).toBe(200);
      const token = await tokenOf('operator');
      expect((await post('/sts/revoke', { token }, { headers: basic('bff') })).status).toBe(200);
      await expect(sts.verifyAny(token)).resolves.toBeDefined();
    });
    test('needs a client', async () => {
      expect((await post('/sts/revoke', { token: await tokenOf('bff') })).status).toBe(401);
    });
    test('is told by the feed to all peers, and is forgotten after the end of the token, where that was shown', async () => {
      const order = {
        reason: 'a test',
        actor: { sub: 'x', client_id: null, act: [], auth_method: null, cert_thumbprint: null },
      };
      const [shown, known] = [await tokenOf('bff'), await tokenOf('bff')];
      const { claims } = await sts.verifyAny(shown);
      const { jti } = (await sts.verifyAny(known)).claims;
      await sts.revoke({ jti: claims.jti, exp: claims.exp, ...order });
      await sts.revoke({ jti, ...order });
      const feed = async (): Promise<string> =>
        String(
          (
            await sts.call({
              method: 'GET',
              path: '/sts/status',
              search: 'after=0',
              peer: await sts.peer('leads'),
            })
          ).body,
        );
      expect(await feed()).toContain(claims.jti);
      await prune(sts.store.writer, sts.seals, (claims.exp + 200) * 1000);
      expect(await feed()).not.toContain(claims.jti);
      expect(await feed()).toContain(jti); // its end is not known, so it lasts as long as any token may
      await prune(sts.store.writer, sts.seals, (claims.exp + 31 * 86_400) * 1000);
      expect(await feed()).not.toContain(jti);
    });
    test('the feed is for peers alone, and only the admin service writes to it', async () => {
      await expect(sts.call({ method: 'GET', path: '/sts/status' })).rejects.toMatchObject({
        code: 'MTLS_REQUIRED',
      });
      const body = JSON.stringify({ entries: [{ id: 'x', kind: 'service_suspended', service: 'bff' }] });
      const headers = { 'content-type': 'application/json' };
      for (const service of ['gateway', 'leads', 'operator'])
        await expect(
          sts.call({ path: '/sts/status', headers, body, peer: await sts.peer(service) }),
        ).rejects.toMatchObject({ code: 'FORBIDDEN' });
      await expect(
        sts.call({
          path: '/sts/status',
          headers,
          body: '{"entries":[{"id":"x","kind":"key_revoked","kid":"k"}]}',
          peer: await sts.peer('admin'),
        }),
      ).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    });
    test('an entry with a known id is accepted again and appended once', async () => {
      const body = JSON.stringify({
        entries: [{ id: 'twice', kind: 'certificate_revoked', thumbprint: 'thumb-twice' }],
      });
      const send = async (): Promise<number> =>
        (
          await sts.call({
            path: '/sts/status',
            headers: { 'content-type': 'application/json' },
            body,
            peer: await sts.peer('admin'),
          })
        ).status;
      expect([await send(), await send()]).toEqual([200, 200]);
      const { rows } = await sts.store.writer.query("SELECT 1 FROM status_entries WHERE id = 'twice'");
      expect(rows).toHaveLength(1);
    });
  });

  test('no token leaves without its record and its audit event', async () => {
    const closed = await openTestSts({
      ...world,
      clients: ['bff'],
      onRecord: (record) =>
        record.type === 'token.issue'
          ? Promise.reject(Object.assign(new Error('away'), { code: 'x' }))
          : Promise.resolve(),
    });
    const answer = await closed.token({ grant_type: 'client_credentials' }, { headers: basic('bff') });
    expect(answer.status).toBeGreaterThanOrEqual(500);
    expect(answer.body).not.toHaveProperty('access_token');
    await closed.close();
  });
});
