import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { PeerIdentity } from '@aduana/core/mtls/peer-identity';
import { GRANT_TOKEN_EXCHANGE, TOKEN_TYPE_JWT } from '@aduana/core/tokens/token-exchange';
import { decodeJwt, generateKeyPair, SignJWT } from 'jose';
import { codeBlocks } from '../../support/code-blocks.ts';
import { describeOneStore } from '../../support/stores.ts';
import { openTestSts, type TestSts } from '../../support/test-sts.ts';
import { CAEP, openTransmitter, SESSION_REVOKED, type Transmitter } from '../../support/transmitter.ts';
import { until } from '../../support/until.ts';

/** What the guide says to configure, at the transmitters of this test. */
const [GUIDE] = codeBlocks('docs/guides/shared-signals.md').filter(
  ({ label }) => label === 'trusted_issuers.yaml',
);
const ISSUERS = GUIDE?.code ?? '';
const EVENTS = ISSUERS.match(/https:\/\/schemas\S+/g) ?? [];
const entryOf = (issuer: string): string =>
  ISSUERS.slice(ISSUERS.indexOf('  - issuer')).replaceAll('https://idp.example.com', issuer);
const VERIFICATION = 'https://schemas.openid.net/secevent/ssf/event-type/verification';
const SHIPPED = Object.fromEntries(
  ['service_identities.yaml', 'iam_policies.yaml'].map((name) => [
    name,
    readFileSync(`policies/${name}`, 'utf8'),
  ]),
);
const otherIssuer = await generateKeyPair('ES256');

describeOneStore('security events of trusted issuers', (openStore) => {
  let pushing: Transmitter;
  let polled: Transmitter;
  let sts: TestSts;
  let gateway: PeerIdentity;
  let pushed: string;
  let auditIsAway = false;
  beforeAll(async () => {
    pushing = await openTransmitter();
    polled = await openTransmitter();
    pushed = entryOf(pushing.issuer).replace(/^ +poll: .*\n/m, '');
    sts = await openTestSts({
      openStore,
      clients: [],
      policies: {
        ...SHIPPED,
        'trusted_issuers.yaml': `version: 1\nissuers:\n${pushed}${entryOf(polled.issuer)}  - { issuer: 'https://quiet.example', jwks_uri: '${pushing.issuer}/jwks', algorithms: [ES256], audience: aduana }\n`,
        'poll.token': 'poll-token\n',
      },
      onRecord: () =>
        auditIsAway ? Promise.reject(new SecurityError('AUDIT_UNAVAILABLE')) : Promise.resolve(),
    });
    gateway = await sts.peer('gateway');
  });
  afterAll(async () => {
    await sts.close();
    await pushing.stop();
    await polled.stop();
  });

  const push = async (body: string, type = 'application/secevent+jwt') => {
    const response = await sts.call({ path: '/ssf/events', headers: { 'content-type': type }, body });
    const text = response.body === undefined ? undefined : String(response.body);
    return { status: response.status, told: text === undefined ? undefined : (JSON.parse(text) as object) };
  };
  const exchange = async (user: string): Promise<number> => {
    const form = {
      grant_type: GRANT_TOKEN_EXCHANGE,
      subject_token: user,
      subject_token_type: TOKEN_TYPE_JWT,
      audience: 'gateway',
    };
    return (await sts.token(form, { peer: gateway })).status;
  };
  const eventsOf = (jti: unknown) =>
    sts.records.filter(({ type, detail }) => type.startsWith('signal.') && detail?.['jti'] === jti);
  const revocations = async (): Promise<number> => {
    const { rows } = await sts.store.writer.query<{ count: number }>(
      "SELECT count(*)::integer AS count FROM status_entries WHERE id LIKE 'set:%'",
    );
    return rows[0]?.count ?? 0;
  };
  const about = (sub: string, issuer = pushing.issuer) => ({
    sub_id: { format: 'iss_sub', iss: issuer, sub },
  });
  const isRevoked = (sub: string, issuer = pushing.issuer) =>
    sts.status.isSubjectRevoked(issuer, sub, Math.floor(Date.now() / 1000) - 1);

  test('a pushed event ends the tokens of its subject that were issued until then, and no others', async () => {
    const [before, other] = [await pushing.signUser('ana'), await pushing.signUser('eva')];
    expect(await exchange(before)).toBe(200);
    const set = await pushing.sign(about('ana'));
    expect(await push(set)).toEqual({ status: 202, told: undefined });
    expect([await exchange(before), await exchange(other)]).toEqual([400, 200]);
    const revokedBy = Math.floor(Date.now() / 1000);
    await until(() => Math.floor(Date.now() / 1000) > revokedBy);
    expect(await exchange(await pushing.signUser('ana'))).toBe(200);
    expect(eventsOf(decodeJwt(set).jti)).toMatchObject([
      {
        type: 'signal.receive',
        outcome: 'ALLOWED',
        actor: { sub: pushing.issuer },
        detail: {
          issuer: pushing.issuer,
          subject: 'ana',
          events: [SESSION_REVOKED],
          effect: 'revoked',
          delivery: 'push',
        },
      },
    ]);
    expect(sts.records).toContainEqual(
      expect.objectContaining({
        type: 'subject.revoke',
        detail: expect.objectContaining({ subject: 'ana', reason: 'security event: session-revoked' }),
      }),
    );
  });

  test.each(EVENTS)('%s ends tokens', async (type) => {
    const sub = `user of ${type}`;
    expect(
      await push(
        await pushing.sign({ ...about(sub), events: { [type]: { current_status: 'not-compliant' } } }),
      ),
    ).toMatchObject({ status: 202 });
    expect(isRevoked(sub)).toBe(true);
  });

  test.each<[string, (sub: string) => object, boolean]>([
    [
      'a subject as the user of a complex one',
      (sub) => ({ sub_id: { format: 'complex', user: about(sub).sub_id } }),
      true,
    ],
    [
      'a subject in the event, as drafts had it',
      (sub) => ({ sub_id: undefined, events: { [SESSION_REVOKED]: { subject: { ...about(sub).sub_id } } } }),
      true,
    ],
    [
      'a device that complies again',
      (sub) => ({
        ...about(sub),
        events: { [`${CAEP}/device-compliance-change`]: { current_status: 'compliant' } },
      }),
      false,
    ],
    [
      'an event that nobody asked for',
      (sub) => ({ ...about(sub), events: { [`${CAEP}/assurance-level-change`]: {} } }),
      false,
    ],
    [
      'a verification of the stream',
      () => ({ sub_id: { format: 'opaque', id: 'stream-1' }, events: { [VERIFICATION]: { state: 'x' } } }),
      false,
    ],
  ])('%s is taken: revoked: %#', async (name, claims, isLoss) => {
    const set = await pushing.sign(claims(name));
    expect(await push(set)).toEqual({ status: 202, told: undefined });
    expect(isRevoked(name)).toBe(isLoss);
    expect(eventsOf(decodeJwt(set).jti)).toMatchObject([{ detail: { effect: isLoss ? 'revoked' : 'none' } }]);
  });

  test('one that comes again is acknowledged without a second effect', async () => {
    const set = await pushing.sign(about('rita'));
    expect((await push(set)).status).toBe(202);
    const before = await revocations();
    expect((await push(set)).status).toBe(202);
    expect(await revocations()).toBe(before);
    expect(eventsOf(decodeJwt(set).jti)).toMatchObject([
      { detail: { effect: 'revoked' } },
      { detail: { effect: 'repeated' } },
    ]);
  });

  const hour = 3_600;
  const now = Math.floor(Date.now() / 1000);
  test.each<[string, string, () => Promise<string> | string]>([
    ['another audience', 'invalid_audience', () => pushing.sign({ aud: 'aduana' })],
    ['an issuer that is not trusted', 'invalid_issuer', () => pushing.sign({ iss: 'https://evil.example' })],
    [
      'an issuer that is no transmitter',
      'invalid_issuer',
      () => pushing.sign({ iss: 'https://quiet.example' }),
    ],
    ['a key of somebody else', 'invalid_key', () => foreign({})],
    ['an unknown key', 'invalid_key', () => pushing.sign({}, { kid: 'other' })],
    ['no algorithm', 'invalid_request', async () => withoutSignature(await pushing.sign())],
    [
      'no algorithm and a signature',
      'invalid_key',
      async () => withHeader(await pushing.sign(), { alg: 'none', kid: 'idp-1', typ: 'secevent+jwt' }),
    ],
    [
      'a symmetric algorithm',
      'invalid_key',
      async () => withHeader(await pushing.sign(), { alg: 'HS256', kid: 'idp-1', typ: 'secevent+jwt' }),
    ],
    ["the type of a user's token", 'invalid_request', () => pushing.sign({}, { typ: 'JWT' })],
    ["a user's token", 'invalid_request', () => pushing.signUser('ana')],
    ['a user of another issuer', 'access_denied', () => pushing.sign(about('ana', polled.issuer))],
    [
      'a subject in another form',
      'invalid_request',
      () => pushing.sign({ sub_id: { format: 'email', email: 'ana@example.com' } }),
    ],
    ['no subject', 'invalid_request', () => pushing.sign({ sub_id: undefined })],
    ['a subject that is none', 'invalid_request', () => pushing.sign(about('a\0b'))],
    ['an age of more than a day', 'invalid_request', () => pushing.sign({ iat: now - 25 * hour })],
    ['a time to come', 'invalid_request', () => pushing.sign({ iat: now + hour })],
    ['an end that has passed', 'invalid_request', () => pushing.sign({ exp: now - hour })],
    ['no time', 'invalid_request', () => pushing.sign({ iat: undefined })],
    ['no jti', 'invalid_request', () => pushing.sign({ jti: undefined })],
    ['no events', 'invalid_request', () => pushing.sign({ events: {} })],
    ['a list of events', 'invalid_request', () => pushing.sign({ events: [SESSION_REVOKED] })],
    [
      'an event that is no object',
      'invalid_request',
      () => pushing.sign({ events: { [SESSION_REVOKED]: 1 } }),
    ],
    [
      '20 KB',
      'invalid_request',
      () => pushing.sign({ events: { [SESSION_REVOKED]: { x: 'x'.repeat(20_000) } } }),
    ],
    ['no token', 'invalid_request', () => '{}'],
  ])('a token with %s is refused: %s, and recorded', async (_name, err, make) => {
    const before = sts.records.length;
    const revoked = await revocations();
    expect(await push(await make())).toEqual({
      status: 400,
      told: { err, description: expect.any(String) },
    });
    expect(sts.records.slice(before)).toMatchObject([
      { type: 'signal.refuse', outcome: 'DENIED', detail: { error: err, delivery: 'push' } },
    ]);
    expect(await revocations()).toBe(revoked);
  });

  test('a body of another media type is refused', async () => {
    expect(await push(await pushing.sign(), 'application/jwt')).toMatchObject({
      status: 400,
      told: { err: 'invalid_request' },
    });
  });

  test('a body beyond all measure is refused unread', async () => {
    expect(await push('x'.repeat(40_000))).toMatchObject({ status: 413, told: { err: 'invalid_request' } });
  });

  test('what cannot be recorded is not acknowledged, and is recorded when it comes again', async () => {
    const set = await pushing.sign(about('zoe'));
    auditIsAway = true;
    expect(await push(set)).toEqual({ status: 503, told: undefined });
    auditIsAway = false;
    expect(isRevoked('zoe')).toBe(true); // it was true before it could be told
    sts.records.length = 0;
    expect((await push(set)).status).toBe(202);
    expect(eventsOf(decodeJwt(set).jti)).toMatchObject([{ detail: { effect: 'revoked' } }]);
  });

  describe('of a transmitter that is polled', () => {
    const deliver = async (sub: string, claims: object = {}): Promise<string> => {
      const set = await polled.sign({ ...about(sub, polled.issuer), ...claims });
      const { jti = '' } = decodeJwt(set);
      polled.waiting.set(jti, set);
      return jti;
    };

    test('they are taken, and acknowledged once they are durable', async () => {
      const jti = await deliver('ana');
      await until(() => !polled.waiting.has(jti));
      expect(isRevoked('ana', polled.issuer)).toBe(true);
      expect(eventsOf(jti)).toMatchObject([{ detail: { effect: 'revoked', delivery: 'poll' } }]);
    });

    test('one that is refused is told with its reason, and holds up no other', async () => {
      const bad = await deliver('ben', { aud: 'other' });
      const foreign = await pushing.sign(about('cleo'));
      polled.waiting.set('foreign', foreign);
      const good = await deliver('dora');
      await until(() => polled.waiting.size === 0);
      expect(isRevoked('dora', polled.issuer)).toBe(true);
      expect(isRevoked('cleo')).toBe(false);
      const errors = Object.assign({}, ...polled.polls.map(({ setErrs }) => setErrs)) as object;
      expect(errors).toMatchObject({
        [bad]: { err: 'invalid_audience' },
        foreign: { err: 'invalid_issuer' },
      });
      expect(polled.polls.flatMap(({ ack = [] }) => ack)).toContain(good);
    });

    test('nothing is lost where it restarts, or the log is away meanwhile', async () => {
      await polled.stop();
      const jti = await deliver('finn');
      auditIsAway = true;
      await polled.start();
      const polls = polled.polls.length;
      await until(() => polled.polls.length > polls);
      await until(() => isRevoked('finn', polled.issuer));
      expect(polled.waiting.has(jti)).toBe(true);
      auditIsAway = false;
      await until(() => !polled.waiting.has(jti));
      expect(eventsOf(jti).at(-1)).toMatchObject({ detail: { effect: 'revoked' } });
    });

    test('its token is read anew, and nobody is asked any more once the policies say so', async () => {
      const folder = sts.settings.POLICIES_DIR;
      polled.token = 'rotated';
      writeFileSync(join(folder, 'poll.token'), 'rotated');
      const jti = await deliver('gus');
      await until(() => !polled.waiting.has(jti));
      writeFileSync(join(folder, 'trusted_issuers.yaml'), `version: 1\nissuers:\n${pushed}`);
      await until(() => !sts.clients.policies().issuers.has(polled.issuer));
      const late = await deliver('hal');
      expect(polled.waiting.has(late)).toBe(true);
    });
  });

  function foreign(claims: object): Promise<string> {
    return new SignJWT({
      iss: pushing.issuer, aud: 'aduana-events', jti: 'forged', iat: now, ...about('ana'), events: { [SESSION_REVOKED]: {} }, ...claims,
    }).setProtectedHeader({ alg: 'ES256', kid: 'idp-1', typ: 'secevent+jwt' }).sign(otherIssuer.privateKey); // prettier-ignore
  }
});

function withoutSignature(token: string): string {
  return `${token.slice(0, token.lastIndexOf('.'))}.`;
}

function withHeader(token: string, header: object): string {
  const [, payload = '', signature = ''] = token.split('.');
  return `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload}.${signature}`;
}
