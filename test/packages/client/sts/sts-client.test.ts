import { beforeEach, describe, expect, test } from '@jest/globals';
import { createStsClient, type HeldToken, type StsClient } from '@aduana/client/sts/sts-client';
import { Secret } from '@aduana/core/secrets/secret';
import type { StatusView } from '@aduana/core/status/status-entry';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import { createFakeClock, type FakeClock } from '../../../support/fake-clock.ts';

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** An STS that grants whatever is asked, and counts. */
function openClient() {
  const clock = createFakeClock();
  const state = {
    asked: [] as URLSearchParams[],
    status: 200,
    error: 'invalid_request',
    thumbprint: 'one',
    policies: undefined as string | undefined,
    lifetime: 900,
  };
  const revoked = new Set<string>();
  const suspended = new Set<string>();
  const view: StatusView = {
    isTokenRevoked: (jti, root) => revoked.has(jti) || revoked.has(root),
    isKeyRevoked: () => false,
    isSubjectRevoked: () => false,
    isServiceSuspended: (service) => suspended.has(service),
    isCertificateRevoked: () => false,
    version: 0,
    assertFresh: () => undefined,
    onChange: () => () => undefined,
  };
  const client = createStsClient({
    send({ form }) {
      state.asked.push(form);
      const now = Math.floor(clock.now() / 1000);
      const jti = `jti-${String(state.asked.length)}`;
      const claims: AccessTokenClaims = {
        iss: 'https://sts',
        aud: form.get('audience') ?? 'gateway',
        sub: 'bff',
        client_id: 'bff',
        jti,
        root_jti: jti,
        iat: now,
        exp: now + state.lifetime,
        scope: form.get('scope') ?? '',
        roles: [],
        amr: ['client_secret_basic'],
        auth_time: now,
        sub_kind: 'service',
        sub_iss: 'https://sts',
      };
      const body =
        state.status === 200
          ? { access_token: `${encode({ alg: 'ES256', kid: 'k', typ: 'at+jwt' })}.${encode(claims)}.AA` }
          : { error: state.error };
      return Promise.resolve({
        status: state.status,
        headers: { 'retry-after': '3' },
        body: Buffer.from(JSON.stringify(body)),
      });
    },
    status: view,
    ownThumbprint: () => state.thumbprint,
    policiesSha256: () => state.policies,
    clock,
  });
  return { client, clock, state, revoked, suspended };
}

describe('the tokens that a service keeps', () => {
  let client: StsClient;
  let clock: FakeClock;
  let state: ReturnType<typeof openClient>['state'];
  let revoked: Set<string>;
  let suspended: Set<string>;
  beforeEach(() => {
    ({ client, clock, state, revoked, suspended } = openClient());
  });
  const header = Secret.of('Basic YmZmOng=');
  const narrowing = { audience: 'leads', scopes: ['leads:read'], policies: [], join: ['Lead.id'] };

  test('fifty who need the same token ask once', async () => {
    const tokens = await Promise.all(Array.from({ length: 50 }, () => client.ownToken('audit')));
    expect(state.asked).toHaveLength(1);
    expect(new Set(tokens.map((token) => token.reveal())).size).toBe(1);
  });

  test('after the own certificate has changed, every token is requested again', async () => {
    const subject = await client.relayBasic(header);
    await client.ownToken('audit');
    await client.narrow(subject, narrowing);
    const before = state.asked.length;
    state.thumbprint = 'two';
    await client.ownToken('audit');
    await client.narrow(subject, narrowing);
    expect(state.asked.length).toBe(before + 2);
  });

  test('after a change of the policies a caller gets what they grant, not the token of before', async () => {
    const chain = [Buffer.from('leaf')];
    const kept = await client.exchangeCertificate(chain);
    expect(await client.exchangeCertificate(chain)).toBe(kept);
    state.policies = 'changed';
    expect(await client.exchangeCertificate(chain)).not.toBe(kept);
  });

  test('a token is renewed in the background from half of its life, and never used in its last part', async () => {
    await client.ownToken('audit');
    await clock.advance(460_000);
    const old = await client.ownToken('audit');
    await clock.advance(0);
    expect(state.asked).toHaveLength(2);
    expect((await client.ownToken('audit')).reveal()).not.toBe(old.reveal());
    state.status = 503;
    await clock.advance(880_000);
    await expect(client.ownToken('audit')).rejects.toMatchObject({ code: 'STS_UNAVAILABLE', status: 503 });
  });

  test('while the STS is away a token that is still good goes on being used', async () => {
    const token = await client.ownToken('audit');
    state.status = 503;
    await clock.advance(800_000);
    expect((await client.ownToken('audit')).reveal()).toBe(token.reveal());
  });

  test('a Basic secret is believed for a minute at most', async () => {
    await client.relayBasic(header);
    await clock.advance(61_000);
    await client.relayBasic(header);
    expect(state.asked).toHaveLength(2);
  });

  test('a Basic secret that is in use is asked about in the background, so that a short outage of the STS is not seen', async () => {
    await client.relayBasic(header);
    await clock.advance(31_000);
    await client.relayBasic(header);
    await clock.advance(0);
    expect(state.asked).toHaveLength(2);
    state.status = 503;
    await clock.advance(59_000);
    await expect(client.relayBasic(header)).resolves.toBeDefined();
  });

  test('a revoked token and one of a suspended service are not used again', async () => {
    const { claims }: HeldToken = await client.relayBasic(header);
    revoked.add(claims.jti);
    await client.relayBasic(header);
    suspended.add('bff');
    await client.relayBasic(header);
    expect(state.asked).toHaveLength(3);
  });

  test('narrowed tokens are distinguished by everything that they carry', async () => {
    const subject = await client.relayBasic(header);
    const other = { ...subject, claims: { ...subject.claims, jti: 'other' } };
    for (const [of, change] of [
      [subject, {}],
      [subject, { audience: 'sts' }],
      [subject, { scopes: [] }],
      [subject, { scopes: ['leads:read', 'x'] }],
      [subject, { policies: ['office_hours'] }],
      [subject, { join: [] }],
      [other, {}],
    ] as const)
      await client.narrow(of, { ...narrowing, ...change });
    expect(state.asked).toHaveLength(8);
    await client.narrow(subject, narrowing);
    expect(state.asked).toHaveLength(8);
    client.forgetNarrowed(subject, narrowing);
    await client.narrow(subject, narrowing);
    expect(state.asked).toHaveLength(9);
  });

  test('a narrowing without scopes asks for none, not for all', async () => {
    await client.narrow(await client.relayBasic(header), { ...narrowing, scopes: [] });
    expect([state.asked[1]?.get('scope'), state.asked[1]?.get('no_scope')]).toEqual([null, 'true']);
  });

  test.each([
    [401, 'invalid_client', 'UNAUTHENTICATED'],
    [400, 'invalid_request', 'UNAUTHENTICATED'],
    [400, 'invalid_target', 'FORBIDDEN'],
    [429, 'invalid_client', 'RATE_LIMITED'],
    [503, 'temporarily_unavailable', 'STS_UNAVAILABLE'],
    [500, 'whatever', 'STS_UNAVAILABLE'],
    [302, 'whatever', 'STS_UNAVAILABLE'],
  ])('an answer %i %s is %s, and is not kept', async (status, error, code) => {
    Object.assign(state, { status, error });
    await expect(client.relayBasic(header)).rejects.toMatchObject({ code });
    state.status = 200;
    await expect(client.relayBasic(header)).resolves.toBeDefined();
  });
});
