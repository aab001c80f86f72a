import { expect, test } from '@jest/globals';
import { decodeJwt, generateKeyPair, SignJWT } from 'jose';
import { describeOneStore } from '../../support/stores.ts';
import { CAEP, SESSION_REVOKED } from '../../support/transmitter.ts';
import { until } from '../../support/until.ts';
import { EVENTS, openSignalWorld } from '../../support/signal-world.ts';

const VERIFICATION = 'https://schemas.openid.net/secevent/ssf/event-type/verification';
const otherIssuer = await generateKeyPair('ES256');

describeOneStore('security events of trusted issuers', (openStore) => {
  const world = openSignalWorld(openStore);
  const { about, eventsOf, exchange, isRevoked, push, revocations } = world;

  test('a pushed event ends the tokens of its subject that were issued until then, and no others', async () => {
    const [before, other] = [await world.pushing.signUser('ana'), await world.pushing.signUser('eva')];
    expect(await exchange(before)).toBe(200);
    const set = await world.pushing.sign(about('ana'));
    expect(await push(set)).toEqual({ status: 202, answer: undefined });
    expect([await exchange(before), await exchange(other)]).toEqual([400, 200]);
    const revokedBy = Math.floor(Date.now() / 1000);
    await until(() => Math.floor(Date.now() / 1000) > revokedBy);
    expect(await exchange(await world.pushing.signUser('ana'))).toBe(200);
    expect(eventsOf(decodeJwt(set).jti)).toMatchObject([
      {
        type: 'signal.receive',
        outcome: 'ALLOWED',
        actor: { sub: world.pushing.issuer },
        detail: {
          issuer: world.pushing.issuer,
          subject: 'ana',
          events: [SESSION_REVOKED],
          effect: 'revoked',
          delivery: 'push',
        },
      },
    ]);
    expect(world.sts.records).toContainEqual(
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
        await world.pushing.sign({ ...about(sub), events: { [type]: { current_status: 'not-compliant' } } }),
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
    const set = await world.pushing.sign(claims(name));
    expect(await push(set)).toEqual({ status: 202, answer: undefined });
    expect(isRevoked(name)).toBe(isLoss);
    expect(eventsOf(decodeJwt(set).jti)).toMatchObject([{ detail: { effect: isLoss ? 'revoked' : 'none' } }]);
  });

  test('one that comes again is acknowledged without a second effect', async () => {
    const set = await world.pushing.sign(about('rita'));
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
    ['another audience', 'invalid_audience', () => world.pushing.sign({ aud: 'aduana' })],
    [
      'an issuer that is not trusted',
      'invalid_issuer',
      () => world.pushing.sign({ iss: 'https://evil.example' }),
    ],
    [
      'an issuer that is no transmitter',
      'invalid_issuer',
      () => world.pushing.sign({ iss: 'https://quiet.example' }),
    ],
    ['a key of somebody else', 'invalid_key', () => foreign({})],
    ['an unknown key', 'invalid_key', () => world.pushing.sign({}, { kid: 'other' })],
    ['no algorithm', 'invalid_request', async () => withoutSignature(await world.pushing.sign())],
    [
      'no algorithm and a signature',
      'invalid_key',
      async () => withHeader(await world.pushing.sign(), { alg: 'none', kid: 'idp-1', typ: 'secevent+jwt' }),
    ],
    [
      'a symmetric algorithm',
      'invalid_key',
      async () => withHeader(await world.pushing.sign(), { alg: 'HS256', kid: 'idp-1', typ: 'secevent+jwt' }),
    ],
    ["the type of a user's token", 'invalid_request', () => world.pushing.sign({}, { typ: 'JWT' })],
    ["a user's token", 'invalid_request', () => world.pushing.signUser('ana')],
    [
      'a user of another issuer',
      'access_denied',
      () => world.pushing.sign(about('ana', world.polled.issuer)),
    ],
    [
      'a subject in another form',
      'invalid_request',
      () => world.pushing.sign({ sub_id: { format: 'email', email: 'ana@example.com' } }),
    ],
    ['no subject', 'invalid_request', () => world.pushing.sign({ sub_id: undefined })],
    ['a subject that is none', 'invalid_request', () => world.pushing.sign(about('a\0b'))],
    ['an age of more than a day', 'invalid_request', () => world.pushing.sign({ iat: now - 25 * hour })],
    ['a time to come', 'invalid_request', () => world.pushing.sign({ iat: now + hour })],
    ['an end that has passed', 'invalid_request', () => world.pushing.sign({ exp: now - hour })],
    ['no time', 'invalid_request', () => world.pushing.sign({ iat: undefined })],
    ['no jti', 'invalid_request', () => world.pushing.sign({ jti: undefined })],
    ['no events', 'invalid_request', () => world.pushing.sign({ events: {} })],
    ['a list of events', 'invalid_request', () => world.pushing.sign({ events: [SESSION_REVOKED] })],
    [
      'an event that is no object',
      'invalid_request',
      () => world.pushing.sign({ events: { [SESSION_REVOKED]: 1 } }),
    ],
    [
      '20 KB',
      'invalid_request',
      () => world.pushing.sign({ events: { [SESSION_REVOKED]: { x: 'x'.repeat(20_000) } } }),
    ],
    ['no token', 'invalid_request', () => '{}'],
  ])('a token with %s is refused: %s, and recorded', async (_name, err, make) => {
    const before = world.sts.records.length;
    const revoked = await revocations();
    expect(await push(await make())).toEqual({
      status: 400,
      answer: { err, description: expect.any(String) },
    });
    expect(world.sts.records.slice(before)).toMatchObject([
      { type: 'signal.refuse', outcome: 'DENIED', detail: { error: err, delivery: 'push' } },
    ]);
    expect(await revocations()).toBe(revoked);
  });

  test('a body of another media type is refused', async () => {
    expect(await push(await world.pushing.sign(), 'application/jwt')).toMatchObject({
      status: 400,
      answer: { err: 'invalid_request' },
    });
  });

  test('a body beyond all measure is refused unread', async () => {
    expect(await push('x'.repeat(40_000))).toMatchObject({ status: 413, answer: { err: 'invalid_request' } });
  });

  test('what cannot be recorded is not acknowledged, and is recorded when it comes again', async () => {
    const set = await world.pushing.sign(about('zoe'));
    world.auditIsAway = true;
    expect(await push(set)).toEqual({ status: 503, answer: undefined });
    world.auditIsAway = false;
    expect(isRevoked('zoe')).toBe(true); // it was true before it could be recorded
    world.sts.records.length = 0;
    expect((await push(set)).status).toBe(202);
    expect(eventsOf(decodeJwt(set).jti)).toMatchObject([{ detail: { effect: 'revoked' } }]);
  });

  function foreign(claims: object): Promise<string> {
    return new SignJWT({
      iss: world.pushing.issuer, aud: 'aduana-events', jti: 'forged', iat: now, ...about('ana'), events: { [SESSION_REVOKED]: {} }, ...claims,
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
