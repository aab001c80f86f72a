import { describe, expect, test } from '@jest/globals';
import type { AccessContext } from '@aduana/server-kit/iam/access-context';
import { createAddressMatcher } from '@aduana/server-kit/platform/address-range';
import { evaluatePolicy } from '@aduana/server-kit/iam/evaluate-policy';
import { createTimeMatcher } from '@aduana/server-kit/iam/time-window';
import type { TimeWindow } from '@aduana/server-kit/iam/policy';
import { engineOf } from '../../../support/policy-folder.ts';

const WINDOW: TimeWindow = { zone: 'Europe/Madrid', days: [], from: 0, to: 1440 };
const minutes = (text: string) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));

function within(window: Partial<TimeWindow>, ...instants: string[]): readonly boolean[] {
  const matches = createTimeMatcher({ ...WINDOW, ...window });
  return instants.map((instant) => matches(Date.parse(instant)));
}

describe('time windows', () => {
  test('go by the wall clock of the zone, `from` included and `to` excluded', () => {
    const window = { from: minutes('08:00'), to: minutes('20:00') };
    expect(
      within(
        window,
        '2026-01-15T06:59:59Z',
        '2026-01-15T07:00:00Z',
        '2026-01-15T18:59:59Z',
        '2026-01-15T19:00:00Z',
      ),
    ).toEqual([false, true, true, false]);
    expect(
      within(
        window,
        '2026-07-15T05:59:59Z',
        '2026-07-15T06:00:00Z',
        '2026-07-15T17:59:59Z',
        '2026-07-15T18:00:00Z',
      ),
    ).toEqual([false, true, true, false]);
  });

  test('a window across midnight belongs to the day on which it opens', () => {
    const friday = { days: ['fri'] as const, from: minutes('22:00'), to: minutes('06:00') };
    expect(
      within(
        friday,
        '2026-01-16T20:59:00Z',
        '2026-01-16T21:00:00Z',
        '2026-01-17T04:59:00Z',
        '2026-01-17T05:00:00Z',
        '2026-01-16T03:00:00Z',
        '2026-01-17T21:00:00Z',
      ),
    ).toEqual([false, true, true, false, false, false]);
  });

  test('the hour that a spring night skips and the one that an autumn night repeats are as the clock shows', () => {
    const window = { from: minutes('02:30'), to: minutes('03:30') };
    expect(
      within(
        window,
        '2026-03-29T00:59:00Z',
        '2026-03-29T01:00:00Z',
        '2026-03-29T01:29:00Z',
        '2026-03-29T01:30:00Z',
      ),
    ).toEqual([false, true, true, false]);
    expect(
      within(
        window,
        '2026-10-25T00:29:00Z',
        '2026-10-25T00:30:00Z',
        '2026-10-25T00:59:00Z',
        '2026-10-25T01:00:00Z',
        '2026-10-25T01:30:00Z',
        '2026-10-25T02:29:00Z',
        '2026-10-25T02:30:00Z',
      ),
    ).toEqual([false, true, true, false, true, true, false]);
  });

  test('zones with quarter hours, `24:00`, and whole days', () => {
    expect(
      within(
        { zone: 'Asia/Kathmandu', from: 0, to: minutes('00:15') },
        '2026-01-01T18:14:00Z',
        '2026-01-01T18:15:00Z',
        '2026-01-01T18:30:00Z',
      ),
    ).toEqual([false, true, false]);
    expect(
      within(
        { days: ['sun'] },
        '2026-01-17T22:59:59Z',
        '2026-01-17T23:00:00Z',
        '2026-01-18T22:59:59Z',
        '2026-01-18T23:00:00Z',
      ),
    ).toEqual([false, true, true, false]);
    expect(
      within(
        { from: 480, to: 480, days: ['mon'] },
        '2026-01-12T07:00:00Z',
        '2026-01-13T06:59:00Z',
        '2026-01-13T07:00:00Z',
      ),
    ).toEqual([true, true, false]);
  });

  test('dates bound a window', () => {
    const bounds = {
      notBefore: Date.parse('2026-02-01T00:00:00Z'),
      notAfter: Date.parse('2026-03-01T00:00:00Z'),
    };
    expect(
      within(
        bounds,
        '2026-01-31T23:59:59Z',
        '2026-02-01T00:00:00Z',
        '2026-02-28T23:59:59Z',
        '2026-03-01T00:00:00Z',
      ),
    ).toEqual([false, true, true, false]);
  });
});

describe('address ranges', () => {
  test.each([
    [['10.0.0.0/8'], '10.255.0.1', true],
    [['10.0.0.0/8'], '11.0.0.1', false],
    [['10.0.0.0/8'], '::ffff:10.0.0.1', true],
    [['10.0.0.0/8'], '::ffff:a00:1', true],
    [['10.0.0.0/8'], '::ffff:b00:1', false],
    [['::ffff:10.0.0.0/104'], '10.2.3.4', true],
    [['127.0.0.1'], '127.0.0.1', true],
    [['127.0.0.1'], '127.0.0.2', false],
    [['0.0.0.0/0'], '203.0.113.9', true],
    [['0.0.0.0/0'], '2001:db8::1', false],
    [['::/0'], '2001:db8::1', true],
    [['2001:db8::/32'], '2001:db8:ffff::1', true],
    [['2001:db8::/32'], '2001:db9::1', false],
    [['fe80::/10'], 'fe80::1%eth0', true],
    [['192.168.1.0/24', '::1'], '::1', true],
    [['10.0.0.0/8'], 'example.com', undefined],
    [['10.0.0.0/8'], '10.0.0.1:443', undefined],
    [['10.0.0.0/8'], '010.0.0.1', undefined],
  ])('%j and %s: %s', (ranges, address, expected) => {
    expect(createAddressMatcher(ranges)(address)).toBe(expected);
  });
});

describe('other conditions', () => {
  const holds = async (condition: string, context: AccessContext) => {
    const engine = await engineOf(`conditions:\n  c: ${condition}\npolicies: { p: { when: [c] } }`);
    return evaluatePolicy(engine, 'p', { subject: 's', roles: [], context }).conditions[0]?.holds;
  };

  test.each<[string, AccessContext, boolean | undefined]>([
    ['{ mtls: true }', { mtls: true }, true],
    ['{ mtls: true }', { mtls: false }, false],
    ['{ mtls: true }', {}, undefined],
    ['{ mtls: false }', { mtls: false }, true],
    ['{ spiffe: ["spiffe://d/ns/*/bff"] }', { spiffeId: 'spiffe://d/ns/a/bff' }, true],
    ['{ spiffe: ["spiffe://d/ns/*/bff"] }', { spiffeId: 'spiffe://d/ns/a/b/bff' }, false],
    ['{ spiffe: ["spiffe://d/ns/**"] }', { spiffeId: 'spiffe://d/ns/a/b/bff' }, true],
    ['{ spiffe: ["spiffe://d/**"] }', { spiffeId: 'spiffe://evil/d/x' }, false],
    ['{ spiffe: ["spiffe://d/x"] }', {}, undefined],
    ['{ san: ["DNS:a.example"] }', { subjectAltNames: ['URI:x', 'DNS:a.example'] }, true],
    ['{ san: ["DNS:a.example"] }', { subjectAltNames: [] }, false],
    ['{ authentication: [tls_client_auth] }', { authenticationMethod: 'client_secret_basic' }, false],
    ['{ authentication: [tls_client_auth] }', { authenticationMethod: 'tls_client_auth' }, true],
    ['{ proof_of_possession: true }', { proofOfPossession: false }, false],
    ['{ proof_of_possession: true }', { proofOfPossession: true }, true],
    ['{ delegation: { max_depth: 1 } }', { actors: ['gateway', 'bff'] }, false],
    ['{ delegation: { max_depth: 0 } }', { actors: [] }, true],
    ['{ delegation: { actors: [gateway] } }', { actors: ['gateway'] }, true],
    ['{ delegation: { actors: [gateway] } }', { actors: ['gateway', 'evil'] }, false],
    ['{ delegation: { max_depth: 1 } }', {}, undefined],
    ['{ environment: [production] }', { environment: 'production' }, true],
    ['{ environment: [production] }', { environment: 'test' }, false],
    ['{ rate: { limit: 5, per_seconds: 60 } }', { rates: new Map([['c', true]]) }, true],
    ['{ rate: { limit: 5, per_seconds: 60 } }', { rates: new Map([['c', false]]) }, false],
    ['{ rate: { limit: 5, per_seconds: 60 } }', {}, undefined],
    ['{ acr: [phr, mfa] }', { acr: 'mfa' }, true],
    ['{ acr: [phr, mfa] }', { acr: 'pwd' }, false],
    ['{ acr: [phr, mfa] }', {}, undefined],
    ['{ max_age_seconds: 300 }', { time: 300_000, authTime: 0 }, true],
    ['{ max_age_seconds: 300 }', { time: 300_001, authTime: 0 }, false],
    ['{ max_age_seconds: 300 }', { time: '2026-01-01T08:05:00Z', authTime: '2026-01-01T08:00:00Z' }, true],
    ['{ max_age_seconds: 300 }', { time: 300_000 }, undefined],
    ['{ max_age_seconds: 300 }', { authTime: 300_000 }, undefined],
    ['{ max_age_seconds: 300 }', { time: 0, authTime: 30_000 }, true],
    ['{ max_age_seconds: 300 }', { time: 0, authTime: 30_001 }, undefined],
    ['{ acr: [mfa], max_age_seconds: 300 }', { acr: 'mfa', time: 0 }, undefined],
    ['{ mtls: true, environment: [a] }', { mtls: true }, undefined],
    ['{ mtls: true, environment: [a] }', { mtls: false }, false],
    ['{ time: { zone: UTC, from: "08:00", to: "09:00" } }', { time: '2026-01-01T08:30:00Z' }, true],
    [
      '{ time: { zone: UTC, from: "08:00", to: "09:00" } }',
      { time: Date.parse('2026-01-01T08:30:00Z') },
      true,
    ],
    [
      '{ time: { zone: UTC, from: "08:00", to: "09:00" } }',
      { time: new Date('2026-01-01T09:00:00Z') },
      false,
    ],
    ['{ time: { zone: UTC } }', { time: 'soon' }, undefined],
    ['{ time: { zone: UTC } }', { time: 9e15 }, undefined],
    ['{ time: { zone: UTC } }', {}, undefined],
  ])('%s of %j: %s', async (condition, context, expected) => {
    expect(await holds(condition, context)).toBe(expected);
  });

  test('all, any and none of others, with what cannot be told in between', async () => {
    const engine = await engineOf(`
conditions:
  m: { mtls: true }
  e: { environment: [a] }
  all: { all_of: [m, e] }
  any: { any_of: [m, e] }
  none: { none_of: [m, e] }
policies: { p: { when: [all, any, none] } }`);
    const verdicts = (context: AccessContext) =>
      evaluatePolicy(engine, 'p', { subject: 's', roles: [], context }).conditions.map(
        ({ holds: verdict }) => verdict,
      );
    expect(verdicts({ mtls: true, environment: 'a' })).toEqual([true, true, false]);
    expect(verdicts({ mtls: false, environment: 'b' })).toEqual([false, false, true]);
    expect(verdicts({ mtls: true })).toEqual([undefined, true, false]);
    expect(verdicts({ mtls: false })).toEqual([false, undefined, undefined]);
    expect(verdicts({})).toEqual([undefined, undefined, undefined]);
  });
});
