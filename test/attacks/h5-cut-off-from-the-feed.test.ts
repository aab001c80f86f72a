import { beforeEach, expect, test } from '@jest/globals';
import { createStsClient, type StsClient } from '@aduana/client/sts/sts-client';
import { Secret } from '@aduana/core/secrets/secret';
import type { StatusPage } from '@aduana/core/status/status-entry';
import { createStatusReader, type StatusReader } from '@aduana/core/status/status-reader';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createFakeClock } from '../support/fake-clock.ts';

// The attacker: a service that is being suspended, or whose certificate is being revoked, and who keeps the gateway from
// reading the status feed. What the gateway has got for a credential before is good for minutes, and must not help.
const NOW = Date.parse('2026-11-28T12:00:00Z');
const CHAIN = [Buffer.from('a certificate')];
const BASIC = Secret.of('Basic YmZmOnNlY3JldA==');
const JWT = Secret.of('a.b.c');

let clock: ReturnType<typeof createFakeClock>;
let reader: StatusReader;
let feed: () => Promise<StatusPage>;
let sts: StsClient;
let asked = 0;

beforeEach(async () => {
  clock = createFakeClock(NOW);
  feed = () => Promise.resolve({ entries: [], head: 0 });
  asked = 0;
  reader = createStatusReader({
    fetchPage: () => feed(),
    onWake: () => () => undefined,
    clock,
    log: createLog('silent', () => undefined),
  });
  await reader.ready;
  const now = NOW / 1000;
  const payload = {
    iss: 'https://sts', aud: 'gateway', sub: 'bff', client_id: 'bff', jti: 'j', root_jti: 'j', iat: now, exp: now + 900,
    scope: '', roles: [], amr: ['x509_svid'], auth_time: now, sub_kind: 'service', sub_iss: 'https://sts',
  }; // prettier-ignore
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const token = `${part({ alg: 'ES256', typ: 'at+jwt', kid: 'k' })}.${part(payload)}.c2lnbmF0dXJl`;
  sts = createStsClient({
    send() {
      asked += 1;
      return Promise.resolve({
        status: 200,
        headers: {},
        body: Buffer.from(JSON.stringify({ access_token: token })),
      });
    },
    status: reader,
    ownThumbprint: () => 'own',
    policiesSha256: () => 'p1',
    clock,
  });
});

const ways: readonly (readonly [string, () => Promise<unknown>])[] = [
  ['a certificate', () => sts.exchangeCertificate(CHAIN)],
  ['a secret', () => sts.relayBasic(BASIC)],
  ['a JWT', () => sts.exchangeBearer(JWT)],
  ['a JWT beside a certificate', () => sts.exchangeBearer(JWT, CHAIN)],
];

test.each(ways)(
  'what %s has got before is not used once the feed is unread for a minute',
  async (_, show) => {
    await expect(show()).resolves.toMatchObject({ claims: { sub: 'bff' } });
    feed = () => Promise.reject(new Error('cut off'));
    await clock.advance(50_000);
    await expect(show()).resolves.toMatchObject({ claims: { sub: 'bff' } });
    const before = asked;
    await clock.advance(15_000);
    await expect(show()).rejects.toMatchObject({ code: 'STATUS_UNAVAILABLE', status: 503 });
    expect(asked).toBe(before);
    feed = () => Promise.resolve({ entries: [], head: 0 });
    await clock.advance(5_000);
    await expect(show()).resolves.toMatchObject({ claims: { sub: 'bff' } });
    await reader.stop();
  },
);
