import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createInProcessBus } from '@aduana/server-kit/bus/in-process-bus';
import { MIGRATIONS } from '../../subgraphs/sts/migrations.ts';
import { askToRotate, deciderToken, directToken } from '../support/decided-rotation.ts';
import { describeStores } from '../support/stores.ts';
import { basic, openTestSts, type TestSts } from '../support/test-sts.ts';

// The attacker: who has the key of the admin service, and says what he likes of who decided.
describeStores('H4 the certificate of the admin service', (openStore) => {
  let sts: TestSts;
  beforeAll(async () => {
    const store = await openStore('sts', MIGRATIONS);
    sts = await openTestSts({
      openStore,
      store,
      bus: createInProcessBus(),
      clients: ['bff', 'operator', 'auditor'],
    });
  });
  afterAll(() => sts.close());

  const claimed = { reveal: 'true', subject: 'operator', actors: 'gateway' };
  const secretOf = async (
    service: string,
    more: Readonly<Record<string, string>>,
  ): Promise<string | null> => {
    const { body } = await askToRotate(sts, service, { ...claimed, ...more });
    return (JSON.parse(String(body)) as { readonly secret: string | null }).secret;
  };
  const versions = async (): Promise<unknown> =>
    (await sts.listSecrets()).map(({ service, version }) => [service, version]);

  test('rotates nothing, and is shown nothing, without a token of who decided', async () => {
    const before = await versions();
    for (const service of ['operator', 'auditor', 'bff'])
      await expect(secretOf(service, {})).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    expect(await versions()).toEqual(before);
    expect(sts.records.filter(({ type }) => type === 'secret.rotate')).toEqual([]);
  });

  test.each([
    ['its own', 'UNAUTHENTICATED', () => directToken(sts, 'admin', { audience: 'sts' })],
    ["an operator's for the gateway", 'UNAUTHENTICATED', () => directToken(sts, 'operator', { audience: 'gateway' })],
    ["an operator's for the STS", 'UNAUTHENTICATED', () => directToken(sts, 'operator', { audience: 'sts' })],
    ["an operator's for another command", 'insufficient_scope', () => directToken(sts, 'operator', { scope: 'iam:services:write' })],
    ["an auditor's", 'insufficient_scope', () => deciderToken(sts, { who: 'auditor' })],
    ['one that was got with a secret alone', 'MTLS_REQUIRED', bySecret],
    ['one with a changed signature', 'UNAUTHENTICATED', async () => changed(await deciderToken(sts))],
  ])('nor with %s', async (_token, code, made) => {
    const before = await versions();
    const subject_token = await made();
    expect(subject_token).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    await expect(secretOf('operator', { subject_token })).rejects.toMatchObject({ code });
    expect(await versions()).toEqual(before);
  }); // prettier-ignore

  test('with the token of an operator who rotates, it is shown what that operator may see and no more', async () => {
    for (const subject_token of [await deciderToken(sts), await directToken(sts, 'operator')]) {
      for (const service of ['bff', 'auditor']) expect(await secretOf(service, { subject_token })).toBeNull();
      const own = await secretOf('operator', { subject_token });
      const login = await sts.token(
        { grant_type: 'client_credentials' },
        { headers: basic('operator', own ?? '') },
      );
      expect(login.status).toBe(200);
    }
  });

  test('the event says who decided as the token says it, whatever was claimed', async () => {
    await askToRotate(sts, 'bff', {
      subject_token: await directToken(sts, 'operator'),
      subject: 'auditor',
      actors: 'sts',
    });
    expect(sts.records.at(-1)).toMatchObject({
      type: 'secret.rotate',
      actor: { sub: 'operator', client_id: 'admin', act: ['admin'] },
    });
  });

  test('a token that was revoked meanwhile proves nobody', async () => {
    const subject_token = await deciderToken(sts);
    const { jti } = JSON.parse(Buffer.from(subject_token.split('.')[1] ?? '', 'base64url').toString()) as {
      jti: string;
    };
    const actor = {
      sub: 'operator',
      client_id: 'operator',
      act: [],
      auth_method: null,
      cert_thumbprint: null,
    };
    await sts.revoke({ jti, reason: 'x', actor });
    await expect(secretOf('operator', { subject_token })).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  async function bySecret(): Promise<string> {
    const form = { grant_type: 'client_credentials', audience: 'admin' };
    return String((await sts.token(form, { headers: basic('operator') })).body['access_token']);
  }
  function changed(token: string): string {
    const [header, payload, signature = ''] = token.split('.');
    return [header, payload, (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1)].join('.');
  }
});
