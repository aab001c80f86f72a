import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { LONGEST_SUBJECT_LIFE_SECONDS, type StatusPage } from '@aduana/core/status/status-entry';
import {
  encodeCertificateChain,
  GRANT_TOKEN_EXCHANGE,
  TOKEN_TYPE_ACCESS_TOKEN,
  TOKEN_TYPE_JWT,
  TOKEN_TYPE_X509_SVID,
} from '@aduana/core/tokens/token-exchange';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { MIGRATIONS } from '../../subgraphs/sts/migrations.ts';
import { prune } from '../../subgraphs/sts/prune.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { describeStores, type TestStore } from '../support/stores.ts';
import { basic, ISSUER, openTestSts, type TestSts } from '../support/test-sts.ts';

const NOW = Date.parse('2026-11-28T12:00:00Z') / 1000;
const DAY = 86_400;
const pair = await generateKeyPair('ES256', { extractable: true });
const JWKS = JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'k', alg: 'ES256' }] });

describeStores('M1 whoever is revoked stays out', (openStore) => {
  let server: Server;
  let origin: string;
  let store: TestStore;
  let sts: TestSts;
  let clock: ReturnType<typeof createFakeClock>;
  let entries = 0;
  beforeAll(async () => {
    server = createServer((_, response) => response.end(JWKS));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    store = await openStore('sts', MIGRATIONS);
    clock = createFakeClock(NOW * 1000);
    sts = await open();
  });
  afterAll(async () => {
    await sts.close();
    server.close();
  });
  // What was revoked in the test before concerns older tokens.
  beforeEach(() => clock.advance(1_000));

  async function open(secrets?: TestSts['secrets']): Promise<TestSts> {
    const entry = (name: string, more = ''): string =>
      `  - { issuer: '${origin}/${name}', jwks_uri: '${origin}/jwks', algorithms: [ES256], audience: aduana, ${more} claims: { groups: { sales: bff } } }\n`;
    const policies = {
      'iam_policies.yaml': readFileSync('policies/iam_policies.yaml', 'utf8'),
      'service_identities.yaml': readFileSync('policies/service_identities.yaml', 'utf8'),
      'trusted_issuers.yaml': `version: 1\nissuers:\n${entry('one')}${entry('two')}${entry('long', `max_age_seconds: ${String(LONGEST_SUBJECT_LIFE_SECONDS)},`)}`,
    };
    return openTestSts({
      openStore,
      store,
      clock,
      clients: ['bff'],
      policies,
      ...(secrets === undefined ? {} : { secrets }),
    });
  }
  const seconds = (): number => Math.floor(clock.now() / 1000);
  const jwt = (claims: object = {}, issuer = 'one'): Promise<string> =>
    new SignJWT({ sub: 'ana', groups: ['sales'], iat: seconds(), exp: seconds() + 300, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'k' })
      .setIssuer(`${origin}/${issuer}`)
      .setAudience('aduana')
      .sign(pair.privateKey);
  const exchange = async (form: Readonly<Record<string, string>>) =>
    sts.token(
      { grant_type: GRANT_TOKEN_EXCHANGE, subject_token_type: TOKEN_TYPE_JWT, audience: 'gateway', ...form },
      { peer: await sts.peer('gateway') },
    );
  const exchangeJwt = async (token: Promise<string>) => exchange({ subject_token: await token });
  async function narrow(token: unknown): Promise<number> {
    const form = {
      subject_token: String(token),
      subject_token_type: TOKEN_TYPE_ACCESS_TOKEN,
      audience: 'leads',
    };
    return (await exchange(form)).status;
  }
  async function feed(entry: object): Promise<void> {
    entries += 1;
    const answer = await sts.call({
      path: '/sts/status',
      headers: { 'content-type': 'application/json' },
      peer: await sts.peer('admin'),
      body: JSON.stringify({ entries: [{ id: `entry-${String(entries)}`, ...entry }] }),
    });
    expect(answer.status).toBe(200);
  }
  const revoke = (subject = 'ana', issuer = `${origin}/one`): Promise<void> =>
    feed({ kind: 'subject_revoked', issuer, subject, notAfter: seconds() });
  async function isActive(token: unknown): Promise<unknown> {
    const { body } = await sts.call({
      path: '/sts/introspect',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      peer: await sts.peer('gateway'),
      body: new URLSearchParams({ token: String(token) }).toString(),
    });
    return (JSON.parse(String(body)) as { active: unknown }).active;
  }

  test('the same JWT is not exchanged again, now or after a restart, and a later one is', async () => {
    const old = jwt();
    expect((await exchangeJwt(old)).status).toBe(200);
    await revoke();
    expect((await exchangeJwt(old)).body).toMatchObject({ error: 'invalid_request' });
    expect((await exchangeJwt(jwt({ jti: 'another of this second' }))).status).toBe(400);
    await sts.close();
    sts = await open(sts.secrets);
    expect((await exchangeJwt(old)).status).toBe(400);
    await clock.advance(1_000);
    expect((await exchangeJwt(old)).status).toBe(400);
    expect((await exchangeJwt(jwt())).status).toBe(200);
  });

  test('live tokens end with all that was made of them', async () => {
    const root = (await exchangeJwt(jwt())).body['access_token'];
    const derived = await exchange({
      subject_token: String(root),
      subject_token_type: TOKEN_TYPE_ACCESS_TOKEN,
    });
    expect(await isActive(derived.body['access_token'])).toBe(true);
    await revoke();
    expect(await isActive(root)).toBe(false);
    expect(await isActive(derived.body['access_token'])).toBe(false);
    expect(await narrow(root)).toBe(400);
  });

  test('a token that a replica made of an older JWT before it heard ends as well', async () => {
    const at = seconds();
    await clock.advance(2_000);
    const { body, claims } = await exchangeJwt(jwt({ iat: at }));
    expect(claims).toMatchObject({ root_iat: at, iat: at + 2 });
    await feed({ kind: 'subject_revoked', issuer: `${origin}/one`, subject: 'ana', notAfter: at });
    expect(await isActive(body['access_token'])).toBe(false);
    expect(await narrow(body['access_token'])).toBe(400);
  });

  test('nobody else is revoked: not the namesake of another issuer, not another subject', async () => {
    const [namesake, other] = [await exchangeJwt(jwt({}, 'two')), await exchangeJwt(jwt({ sub: 'bob' }))];
    await revoke();
    for (const { body } of [namesake, other]) expect(await isActive(body['access_token'])).toBe(true);
    expect((await exchangeJwt(jwt({}, 'two'))).status).toBe(200);
    expect((await exchangeJwt(jwt({ sub: 'bob' }))).status).toBe(200);
  });

  test('a service is a subject of the STS', async () => {
    const issue = () => sts.token({ grant_type: 'client_credentials' }, { headers: basic('bff') });
    const { body } = await issue();
    const chain = encodeCertificateChain((await sts.peer('bff')).chain);
    const svid = { subject_token: chain, subject_token_type: TOKEN_TYPE_X509_SVID };
    const byCertificate = await exchange(svid);
    await revoke('bff', ISSUER);
    expect(await isActive(body['access_token'])).toBe(false);
    expect(await isActive(byCertificate.body['access_token'])).toBe(false);
    await clock.advance(1_000);
    expect(await isActive((await issue()).body['access_token'])).toBe(true);
  });

  test('the jti of a foreign JWT can be revoked: at exchange, and what was made of it', async () => {
    const old = jwt({ jti: 'foreign-1' });
    const { body } = await exchangeJwt(old);
    const actor = { sub: 'operator', client_id: 'operator', act: [], auth_method: null, cert_thumbprint: null };
    await sts.revoke({ jti: 'foreign-1', reason: 'r', actor });
    expect((await exchangeJwt(old)).status).toBe(400);
    expect(await isActive(body['access_token'])).toBe(false);
    expect(await narrow(body['access_token'])).toBe(400);
    expect((await exchangeJwt(jwt({ jti: 'foreign-2' }))).status).toBe(200);
  }); // prettier-ignore

  test('a foreign jti is no way around: none, an empty one and a long one leave the subject to be revoked', async () => {
    for (const jti of [undefined, '', 'x'.repeat(501), 7]) {
      const old = jwt({ jti });
      const { status, claims } = await exchangeJwt(old);
      expect([status, claims.origin_jti]).toEqual([200, undefined]);
    }
    await revoke();
    expect((await exchangeJwt(jwt({ jti: undefined }))).status).toBe(400);
  });

  test('a JWT counts for a day after its iat, or as long as its entry says, whatever its exp', async () => {
    const year = { sub: 'eva', exp: seconds() + 365 * DAY };
    const { claims } = await exchangeJwt(jwt({ ...year, iat: seconds() - DAY + 100 }));
    expect(claims.exp).toBe(seconds() + 100);
    expect((await exchangeJwt(jwt({ ...year, iat: seconds() - DAY }))).status).toBe(400);
    const nearlyTooOld = { ...year, iat: seconds() - LONGEST_SUBJECT_LIFE_SECONDS + 100 };
    expect((await exchangeJwt(jwt(nearlyTooOld, 'long'))).status).toBe(200);
  });

  test("an issuer's clock that is ahead carries no token over a revocation, nor what was made of it", async () => {
    const ahead = () => jwt({ sub: 'fay', iat: seconds() + 5, exp: seconds() + 900 }, 'long');
    const early = await ahead();
    const { status, body } = await exchange({ subject_token: early });
    expect(status).toBe(200);
    await clock.advance(2_000);
    await revoke('fay', `${origin}/long`);
    expect(await isActive(body['access_token'])).toBe(false);
    expect((await exchange({ subject_token: early })).status).toBe(400);
    await clock.advance(4_000);
    expect((await exchange({ subject_token: early })).status).toBe(400);
    expect((await exchangeJwt(ahead())).status).toBe(200);
  });

  test('a revocation is kept as long as such a token can count, and pruned afterwards', async () => {
    const read = async (): Promise<StatusPage['entries']> => {
      const { body } = await sts.call({
        method: 'GET',
        path: '/sts/status',
        peer: await sts.peer('gateway'),
      });
      const { entries } = JSON.parse(String(body)) as StatusPage;
      return entries.filter((entry) => 'subject' in entry && entry.subject === 'pia');
    };
    await revoke('pia');
    const [entry] = await read();
    expect(entry).toMatchObject({ kind: 'subject_revoked', issuer: `${origin}/one`, subject: 'pia' });
    const end = (seconds() + LONGEST_SUBJECT_LIFE_SECONDS) * 1000;
    await prune(store.writer, sts.seals, end);
    expect(await read()).toHaveLength(1);
    await prune(store.writer, sts.seals, end + 180_000);
    expect(await read()).toEqual([]);
  });

  test.each([
    { issuer: '', subject: 'ana', notAfter: 1 },
    { issuer: 'i', subject: '', notAfter: 1 },
    { issuer: 'i', subject: 'x'.repeat(256), notAfter: 1 },
    { issuer: 'i', subject: 'ana', notAfter: -1 },
    { issuer: 'i', subject: 'ana', notAfter: 1, until: 5 },
    { issuer: 'i', subject: 'ana' },
  ])('the feed takes no malformed revocation: %j', async (entry) => {
    await expect(
      sts.call({
        path: '/sts/status',
        headers: { 'content-type': 'application/json' },
        peer: await sts.peer('admin'),
        body: JSON.stringify({ entries: [{ id: 'bad', kind: 'subject_revoked', ...entry }] }),
      }),
    ).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });
});
