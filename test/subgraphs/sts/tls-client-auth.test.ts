import { describe, expect, test } from '@jest/globals';
import { describeStores } from '../../support/stores.ts';
import { basic, SECRETS } from '../../support/test-sts.ts';
import { CREDENTIALS, FAILED, openAuthenticatingSts, outcomeOf } from '../../support/authenticating-sts.ts';

describeStores('client authentication by certificate', (openStore) => {
  const world = openAuthenticatingSts(openStore);

  describe('tls_client_auth', () => {
    test('a certificate whose SPIFFE ID is registered authenticates, and the token is bound to it', async () => {
      const peer = await world.sts.peer('bff');
      const { status, claims } = await world.sts.token(CREDENTIALS, { peer });
      expect([status, claims.sub, claims.amr]).toEqual([200, 'bff', ['tls_client_auth']]);
      expect(claims.cnf).toEqual({ 'x5t#S256': peer.thumbprint });
    });
    test('a certificate beside Basic is not a second method and binds nothing', async () => {
      const { status, claims } = await world.sts.token(CREDENTIALS, {
        peer: await world.sts.peer('bff'),
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
          : { ...(await world.sts.peer('bff')), spiffeId: `spiffe://aduana.local/${service}` };
      expect(
        outcomeOf(await world.sts.token({ ...CREDENTIALS, client_id: client_id ?? '' }, { peer })),
      ).toEqual(FAILED);
    });
    test('a revoked certificate is invalid_client', async () => {
      const peer = await world.sts.peer('bff');
      const body = { entries: [{ id: 'c1', kind: 'certificate_revoked', thumbprint: peer.thumbprint }] };
      await world.sts.call({
        path: '/sts/status',
        headers: { 'content-type': 'application/json' },
        peer: await world.sts.peer('admin'),
        body: JSON.stringify(body),
      });
      expect(outcomeOf(await world.sts.token(CREDENTIALS, { peer }))).toEqual(FAILED);
    });
    test('a method that is not registered for the client is refused', async () => {
      expect(
        outcomeOf(
          await world.sts.token({
            ...CREDENTIALS,
            client_id: 'operator',
            client_secret: SECRETS['operator'] ?? '',
          }),
        ),
      ).toEqual(FAILED);
    });
  });
});
