import { beforeAll, describe, expect, test } from '@jest/globals';
import type { AccessContext } from '@aduana/server-kit/iam/access-context';
import type { Engine } from '@aduana/server-kit/iam/compile';
import { evaluate } from '@aduana/server-kit/iam/evaluate';
import { explain } from '@aduana/server-kit/iam/explain';
import { nextTooOld, stepUpFor } from '@aduana/server-kit/iam/step-up';
import { engineOf } from '../../../support/policy-folder.ts';

const NOW = Date.UTC(2026, 10, 29, 12);
const ago = (seconds: number): number => NOW - seconds * 1000;

let engine: Engine;
beforeAll(async () => {
  engine = await engineOf(`
conditions:
  strong: { acr: [phr, mfa] }
  fresh: { max_age_seconds: 300 }
  today: { max_age_seconds: 86400 }
  strong_and_fresh: { all_of: [strong, fresh] }
  key_or_fresh: { any_of: [key, fresh] }
  key: { acr: [phrh] }
  inside: { cidr: [10.0.0.0/8] }
roles:
  r:
    permissions:
      - { allow: 'a:strong', when: [strong] }
      - { allow: 'a:fresh', when: [fresh] }
      - { allow: 'a:both', when: [strong_and_fresh] }
      - { allow: 'a:inside', when: [strong, inside] }
      - a:today
      - { deny: 'a:today', unless: [today] }
      - { allow: 'a:either', when: [key_or_fresh] }
      - a:denied
      - { deny: 'a:denied', when: [fresh] }
      - { allow: 'a:never', when: [inside] }
`);
});

function wanted(action: string, login: Pick<AccessContext, 'acr' | 'authTime'>, address = '10.1.1.1') {
  const ask = (context: AccessContext) => evaluate(engine, { subject: 's', roles: ['r'], action, context });
  const context = { time: NOW, address, ...login };
  expect(ask(context).effect).toBe('deny');
  return stepUpFor(engine, context, (other) => ask(other).effect === 'allow');
}

describe('the login that would cure a refusal', () => {
  test.each<[string, Pick<AccessContext, 'acr' | 'authTime'>, unknown]>([
    ['a:strong', {}, { acrValues: ['phr', 'mfa'], maxAgeSeconds: undefined }],
    [
      'a:strong',
      { acr: 'pwd', authTime: ago(90_000) },
      { acrValues: ['phr', 'mfa'], maxAgeSeconds: undefined },
    ],
    ['a:fresh', {}, { acrValues: [], maxAgeSeconds: 300 }],
    ['a:fresh', { acr: 'mfa', authTime: ago(301) }, { acrValues: [], maxAgeSeconds: 300 }],
    ['a:both', { acr: 'mfa', authTime: ago(301) }, { acrValues: [], maxAgeSeconds: 300 }],
    ['a:both', { acr: 'pwd', authTime: ago(301) }, { acrValues: ['phr', 'mfa'], maxAgeSeconds: 300 }],
    ['a:both', { acr: 'pwd', authTime: ago(10) }, { acrValues: ['phr', 'mfa'], maxAgeSeconds: undefined }],
    ['a:today', { authTime: ago(86_401) }, { acrValues: [], maxAgeSeconds: 86_400 }],
    ['a:either', { acr: 'pwd', authTime: ago(400) }, { acrValues: [], maxAgeSeconds: 300 }],
    ['a:inside', { acr: 'pwd' }, { acrValues: ['phr', 'mfa'], maxAgeSeconds: undefined }],
  ])('%s of %j: %j', (action, login, expected) => {
    expect(wanted(action, login)).toEqual(expected);
  });

  test('none is asked for where something else stands in the way as well', () => {
    expect(wanted('a:inside', { acr: 'pwd' }, '192.0.2.1')).toBeUndefined();
    expect(wanted('a:denied', { authTime: ago(10) })).toBeUndefined();
    expect(wanted('a:never', {}, '192.0.2.1')).toBeUndefined();
    expect(wanted('a:unknown', {})).toBeUndefined();
  });

  test('an explanation names it', () => {
    const context = { time: NOW, acr: 'pwd', authTime: ago(301) };
    expect(explain(engine, { subject: 's', roles: ['r'], action: 'a:both', context }).nearMisses).toContain(
      'would be allowed after a login of the class phr or mfa, at most 300 seconds ago',
    );
  });
});

test('a decision holds until the login is too old for one more condition', () => {
  expect(nextTooOld(engine, ago(0), NOW)).toBe(NOW + 300_001);
  expect(nextTooOld(engine, ago(300), NOW)).toBe(NOW + 1);
  expect(nextTooOld(engine, ago(301), NOW)).toBe(ago(301) + 86_400_001);
  expect(nextTooOld(engine, ago(90_000), NOW)).toBe(Infinity);
  expect(nextTooOld(engine, undefined, NOW)).toBe(Infinity);
});
