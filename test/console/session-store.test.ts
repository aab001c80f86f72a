import { describe, expect, test } from '@jest/globals';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import { Secret } from '@aduana/core/secrets/secret';
import { createOneTimeLinks, LINK_LIFE_MS } from '../../console/server/one-time-links.ts';
import type { SessionEnd, SignedIn } from '../../console/server/session.ts';
import { createSessionStore } from '../../console/server/session-store.ts';
import { createFakeClock } from '../support/fake-clock.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function signedIn(sub: string, now: number, lifeMilliseconds = HOUR): SignedIn {
  const claims = {
    iss: 'https://sts', aud: 'gateway', sub, client_id: 'console', jti: `j-${sub}`, root_jti: `r-${sub}`,
    iat: now / 1000, exp: (now + lifeMilliseconds) / 1000, scope: '', roles: [], amr: ['tls_client_auth'],
    auth_time: now / 1000, sub_kind: 'service', sub_iss: 'https://sts', act: { sub: 'console', iss: 'https://sts' },
  } as unknown as AccessTokenClaims; // prettier-ignore
  return {
    method: 'link',
    subjectToken: Secret.of('token'),
    proofs: [{ claims, kid: 'k', scopes: new Set() }],
    expiresAt: now + lifeMilliseconds,
  };
}

function openStore() {
  const clock = createFakeClock();
  const revoked = new Set<string>();
  const ends: [string, SessionEnd][] = [];
  const sessions = createSessionStore({
    clock,
    status: {
      isTokenRevoked: (_jti, root) => revoked.has(root),
      isSubjectRevoked: () => false,
      isKeyRevoked: () => false,
      isServiceSuspended: (service) => revoked.has(service),
      isCertificateRevoked: () => false,
      assertFresh: () => undefined,
    },
    idleMilliseconds: 30 * MINUTE,
    limitMilliseconds: 8 * HOUR,
    onEnd: ({ subject }, why) => ends.push([subject, why]),
  });
  return { clock, revoked, ends, sessions };
}

describe('a session', () => {
  test('is found by its cookie and by nothing that is kept', () => {
    const { clock, sessions } = openStore();
    const { session, cookie } = sessions.open(signedIn('bff', clock.now()));
    expect(sessions.find(cookie, true)?.id).toBe(session.id);
    expect(sessions.find(session.id, true)).toBeUndefined();
    expect(JSON.stringify(session)).not.toContain('token"');
  });

  test('ends with its token, however much it is used', async () => {
    const { clock, sessions, ends } = openStore();
    const { cookie } = sessions.open(signedIn('bff', clock.now(), 15 * MINUTE));
    await clock.advance(14 * MINUTE);
    expect(sessions.find(cookie, true)).toBeDefined();
    await clock.advance(MINUTE);
    expect(sessions.find(cookie, true)).toBeUndefined();
    expect(ends).toEqual([['bff', 'expired']]);
  });

  test('ends when it is idle: what is no use does not keep it', async () => {
    const { clock, sessions, ends } = openStore();
    const { cookie } = sessions.open(signedIn('bff', clock.now()));
    await clock.advance(20 * MINUTE);
    sessions.find(cookie, false);
    await clock.advance(10 * MINUTE);
    sessions.sweep();
    expect(ends).toEqual([['bff', 'idle']]);
  });

  test.each(['r-bff', 'bff', 'console'])('ends when %s is revoked or suspended, and its streams with it', (what) => {
    const { clock, sessions, revoked, ends } = openStore();
    const { session, cookie } = sessions.open(signedIn('bff', clock.now()));
    revoked.add(what);
    sessions.sweep();
    expect([session.ended.aborted, sessions.find(cookie, true), ends]).toEqual([true, undefined, [['bff', 'revoked']]]);
    expect(sessions.findEnded(cookie)).toMatchObject({ id: session.id, actor: { sub: 'bff' } });
  }); // prettier-ignore

  test('makes room: the oldest of a subject with too many ends, those of others stay', () => {
    const { clock, sessions, ends } = openStore();
    const other = sessions.open(signedIn('operator', clock.now()));
    const first = sessions.open(signedIn('bff', clock.now()));
    for (let count = 0; count < 20; count += 1) sessions.open(signedIn('bff', clock.now()));
    expect(sessions.find(first.cookie, true)).toBeUndefined();
    expect(sessions.find(other.cookie, true)).toBeDefined();
    expect(ends).toEqual([['bff', 'displaced']]);
  });
});

describe('a one-time link', () => {
  test('opens once', () => {
    const clock = createFakeClock();
    const links = createOneTimeLinks(clock);
    const code = links.add(signedIn('bff', clock.now()));
    expect(links.take(code)).toBeDefined();
    expect(links.take(code)).toBeUndefined();
  });

  test('opens nothing once it is a minute old', async () => {
    const clock = createFakeClock();
    const links = createOneTimeLinks(clock);
    const code = links.add(signedIn('bff', clock.now()));
    await clock.advance(LINK_LIFE_MS);
    expect(links.take(code)).toBeUndefined();
  });
});
